// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// binary32 multiplication, round to nearest even, subnormals kept, NaN results canonical.
// Combinational. `en_i` isolates the operands: the result is 0 while it is low.

module fp32_mul (
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] product_o
);

  /* verilator no_inline_module */  // a function each: the generated C++ compiles faster

  function automatic logic [31:0] mul(input logic [31:0] a, input logic [31:0] b);
    logic sign;
    logic [7:0] exp_a;
    logic [7:0] exp_b;
    logic [47:0] product;
    logic signed [11:0] exponent;
    logic [5:0] zeros;
    sign = a[31] ^ b[31];
    exp_a = a[30:23];
    exp_b = b[30:23];
    product = {24'd0, exp_a != 8'd0, a[22:0]} * {24'd0, exp_b != 8'd0, b[22:0]};
    if (exp_a == 8'd0) exp_a = 8'd1;
    if (exp_b == 8'd0) exp_b = 8'd1;
    exponent = signed'({4'd0, exp_a}) + signed'({4'd0, exp_b}) - 12'sd126;
    if (exp_a == 8'hff || exp_b == 8'hff) begin
      // NaN operand, or infinity times zero, or infinity.
      if ((exp_a == 8'hff && a[22:0] != '0) || (exp_b == 8'hff && b[22:0] != '0) || a[30:0] == '0 ||
          b[30:0] == '0) begin
        mul = fp32_pkg::CanonicalNan;
      end else begin
        mul = {sign, 8'hff, 23'd0};
      end
    end else if (product == '0) begin
      mul = {sign, 31'd0};
    end else begin
      if (!product[47]) begin
        if (product[46]) begin
          product = product << 1;
          exponent = exponent - 12'sd1;
        end else begin
          zeros = fp32_pkg::lzc48(product);
          product = product << zeros;
          exponent = exponent - signed'({6'd0, zeros});
        end
      end
      mul = fp32_pkg::round_pack(sign, exponent, product);
    end
  endfunction

  always_comb begin
    product_o = '0;
    if (en_i) product_o = mul(a_i, b_i);
  end

endmodule
