// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// f16 (binary16) or bf16 to binary32, exact. Combinational. `en_i` isolates the operand: the
// result is 0 while it is low.

module fp32_from_half (
  input  logic        en_i,
  input  logic        bf16_i,  // 0: f16
  input  logic [15:0] half_i,
  output logic [31:0] value_o
);

  /* verilator no_inline_module */  // a function each: the generated C++ compiles faster

  logic [3:0] zeros;
  logic [9:0] mant;

  always_comb begin
    zeros = 4'd0;
    mant = half_i[9:0];
    value_o = '0;
    if (en_i) begin
      if (bf16_i) begin
        value_o = {half_i, 16'd0};
      end else if (half_i[14:10] == 5'd31) begin
        value_o = {half_i[15], half_i[9:0] != '0 ? fp32_pkg::CanonicalNan[30:0] : 31'h7f80_0000};
      end else if (half_i[14:10] != 5'd0) begin
        value_o = {half_i[15], {3'd0, half_i[14:10]} + 8'd112, half_i[9:0], 13'd0};
      end else if (half_i[9:0] == '0) begin
        value_o = {half_i[15], 31'd0};
      end else begin
        // A subnormal f16 is normal in f32.
        if (mant[9:2] == '0) begin
          zeros = 4'd8;
          mant = mant << 8;
        end
        if (mant[9:6] == '0) begin
          zeros = zeros + 4'd4;
          mant = mant << 4;
        end
        if (mant[9:8] == '0) begin
          zeros = zeros + 4'd2;
          mant = mant << 2;
        end
        if (!mant[9]) begin
          zeros = zeros + 4'd1;
          mant = mant << 1;
        end
        value_o = {half_i[15], 8'd112 - {4'd0, zeros}, mant[8:0], 14'd0};
      end
    end
  end

endmodule
