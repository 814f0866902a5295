// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// binary32 division, round to nearest even, subnormals kept, NaN results canonical. Restoring, one
// quotient bit per cycle: `done_o` is high for one cycle, 26 cycles after the cycle of `start_i` (1
// cycle for NaN, infinity and zero operands). `start_i` while busy is ignored.

module fp32_div (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        clear_i,    // back to idle
  input  logic        start_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        done_o,
  output logic [31:0] quotient_o  // valid with done_o
);

  localparam int unsigned QuotientBits = 25;  // 24 and a guard bit; the remainder is the sticky bit

  typedef enum logic [1:0] {
    Idle,
    Run,
    Round
  } state_e;

  state_e state_q;
  logic [4:0] count_q;
  logic sign_q;
  logic special_q;
  logic [31:0] special_value_q;
  logic signed [11:0] exponent_q;
  logic [24:0] rem_q;
  logic [23:0] divisor_q;
  logic [24:0] quotient_q;

  // Operands, normalised.
  logic [47:0] mant_a;
  logic [47:0] mant_b;
  logic [5:0] zeros_a;
  logic [5:0] zeros_b;
  logic signed [11:0] exponent;
  logic special;
  logic [31:0] special_value;
  logic nan_a;
  logic nan_b;
  logic inf_a;
  logic inf_b;

  always_comb begin
    mant_a = '0;
    mant_b = '0;
    zeros_a = '0;
    zeros_b = '0;
    exponent = '0;
    special = 1'b0;
    special_value = fp32_pkg::CanonicalNan;
    nan_a = 1'b0;
    nan_b = 1'b0;
    inf_a = 1'b0;
    inf_b = 1'b0;
    if (start_i) begin
      nan_a = a_i[30:23] == 8'hff && a_i[22:0] != '0;
      nan_b = b_i[30:23] == 8'hff && b_i[22:0] != '0;
      inf_a = a_i[30:0] == 31'h7f80_0000;
      inf_b = b_i[30:0] == 31'h7f80_0000;
      mant_a = {a_i[30:23] != '0, a_i[22:0], 24'd0};
      mant_b = {b_i[30:23] != '0, b_i[22:0], 24'd0};
      zeros_a = fp32_pkg::lzc48(mant_a);
      zeros_b = fp32_pkg::lzc48(mant_b);
      mant_a = mant_a << zeros_a;
      mant_b = mant_b << zeros_b;
      exponent = (a_i[30:23] == '0 ? 12'sd1 : signed'({4'd0, a_i[30:23]})) -
                 (b_i[30:23] == '0 ? 12'sd1 : signed'({4'd0, b_i[30:23]})) -
                 signed'({6'd0, zeros_a}) + signed'({6'd0, zeros_b}) + 12'sd127;
      if (nan_a || nan_b || (inf_a && inf_b) || (a_i[30:0] == '0 && b_i[30:0] == '0)) begin
        special = 1'b1;
      end else if (inf_a || b_i[30:0] == '0) begin
        special = 1'b1;
        special_value = {a_i[31] ^ b_i[31], 8'hff, 23'd0};
      end else if (inf_b || a_i[30:0] == '0) begin
        special = 1'b1;
        special_value = {a_i[31] ^ b_i[31], 31'd0};
      end
    end
  end

  logic less;
  assign less = mant_a[47:24] < mant_b[47:24];

  logic quotient_bit;
  logic [23:0] difference;  // below the divisor, so 24 bits hold it
  assign quotient_bit = rem_q >= {1'b0, divisor_q};
  assign difference = quotient_bit ? rem_q[23:0] - divisor_q : rem_q[23:0];

  always_comb begin
    done_o = state_q == Round;
    quotient_o = '0;
    if (state_q == Round) begin
      if (special_q) quotient_o = special_value_q;
      else quotient_o = fp32_pkg::round_pack(sign_q, exponent_q, {quotient_q, rem_q != '0, 22'd0});
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= '0;
      sign_q <= 1'b0;
      special_q <= 1'b0;
      special_value_q <= '0;
      exponent_q <= '0;
      rem_q <= '0;
      divisor_q <= '0;
      quotient_q <= '0;
    end else if (clear_i) begin
      state_q <= Idle;
    end else begin
      unique case (state_q)
        Idle: begin
          if (start_i) begin
            state_q <= special ? Round : Run;
            count_q <= '0;
            sign_q <= a_i[31] ^ b_i[31];
            special_q <= special;
            special_value_q <= special_value;
            // The quotient of the mantissas is made to lie in [1, 2).
            exponent_q <= less ? exponent - 12'sd1 : exponent;
            rem_q <= less ? {mant_a[47:24], 1'b0} : {1'b0, mant_a[47:24]};
            divisor_q <= mant_b[47:24];
            quotient_q <= '0;
          end
        end
        Run: begin
          quotient_q <= {quotient_q[23:0], quotient_bit};
          rem_q <= {difference, 1'b0};
          count_q <= count_q + 5'd1;
          if (count_q == 5'(QuotientBits - 1)) state_q <= Round;
        end
        default: state_q <= Idle;  // Round: the result is on the output
      endcase
    end
  end

endmodule
