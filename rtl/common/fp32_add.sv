// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// binary32 addition, round to nearest even, subnormals kept, NaN results canonical. Combinational.
// `en_i` isolates the operands: the result is 0 while it is low.

module fp32_add (
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] sum_o
);

  /* verilator no_inline_module */  // a function each: the generated C++ compiles faster

  function automatic logic [31:0] add(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] x;  // the operand of larger magnitude
    logic [31:0] y;
    logic sub;
    logic up;
    logic [7:0] exp_x;
    logic [7:0] exp_y;
    logic [7:0] distance;
    logic [7:0] shift;
    logic [26:0] mant_x;  // hidden bit, fraction, guard, round, sticky
    logic [26:0] mant_y;
    logic [26:0] aligned;
    logic [27:0] s;
    logic [5:0] zeros;
    if (a[30:0] >= b[30:0]) begin
      x = a;
      y = b;
    end else begin
      x = b;
      y = a;
    end
    sub = x[31] ^ y[31];
    exp_x = x[30:23];
    exp_y = y[30:23];
    mant_x = {exp_x != 8'd0, x[22:0], 3'b000};
    mant_y = {exp_y != 8'd0, y[22:0], 3'b000};
    if (exp_x == 8'd0) exp_x = 8'd1;
    if (exp_y == 8'd0) exp_y = 8'd1;
    distance = exp_x - exp_y;
    if (distance > 8'd26) begin
      aligned = {26'd0, mant_y != '0};
    end else begin
      aligned = mant_y >> distance[4:0];
      if ((aligned << distance[4:0]) != mant_y) aligned[0] = 1'b1;
    end
    if (sub) s = {1'b0, mant_x} - {1'b0, aligned};
    else s = {1'b0, mant_x} + {1'b0, aligned};
    if (s[27]) begin
      s = {1'b0, s[27:2], s[1] | s[0]};
      exp_x = exp_x + 8'd1;
    end else if (!s[26]) begin
      // Normalise, but not below the smallest exponent: what is left is subnormal.
      zeros = fp32_pkg::lzc48({s[26:0], 21'd0});
      shift = exp_x - 8'd1;
      if (shift > {2'b00, zeros}) shift = {2'b00, zeros};
      s = s << shift[5:0];
      exp_x = s[26] ? exp_x - shift : 8'd0;
    end
    up = s[2] & (s[3] | s[1] | s[0]);
    add = {x[31], {exp_x, s[25:3]} + {30'd0, up}};
    if (exp_x == 8'hff) add = {x[31], 8'hff, 23'd0};
    if (sub && s == '0) add = 32'd0;
    if (x[30:23] == 8'hff) begin
      if (x[22:0] != '0 || (y[30:23] == 8'hff && sub)) add = fp32_pkg::CanonicalNan;
      else add = x;
    end
  endfunction

  always_comb begin
    sum_o = '0;
    if (en_i) sum_o = add(a_i, b_i);
  end

endmodule
