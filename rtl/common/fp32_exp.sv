// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// e^x of the numerics contract (ip/numerics/kernels.h, exp_f32), bit for bit. Pipelined: one
// operand per cycle, result 18 cycles later, in order. No back-pressure: the caller keeps room
// for what it has sent.
//
//   t = x * log2e + 0x1.8p23    n = t - 0x1.8p23    r = (x - n * ln2_high) - n * ln2_low
//   p = Horner of 1/720 1/120 1/24 1/6 1/2 1 1      result = p with n added to its exponent field

module fp32_exp #(
  parameter int unsigned TagWidth = 8
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,  // drops everything in the pipeline
  input  logic                valid_i,
  input  logic [31:0]         x_i,
  input  logic [TagWidth-1:0] tag_i,   // comes out with the result
  output logic                valid_o,
  output logic [31:0]         value_o,
  output logic [TagWidth-1:0] tag_o
);

  localparam int unsigned Terms = 6;   // multiply-add pairs of the Horner scheme
  localparam int unsigned Reduce = 6;  // stages of the range reduction
  localparam int unsigned Stages = Reduce + 2 * Terms;

  localparam logic [31:0] Log2e = 32'h3fb8_aa3b;
  localparam logic [31:0] Rounder = 32'h4b40_0000;       // 0x1.8p23
  localparam logic [31:0] MinusRounder = 32'hcb40_0000;
  localparam logic [31:0] MinusLn2High = 32'hbf31_7000;  // -0x1.62ep-1
  localparam logic [31:0] MinusLn2Low = 32'hb805_fdf4;   // -0x1.0bfbe8p-15
  localparam logic [30:0] LowestMagnitude = 31'h42ae_0000;   // 87
  localparam logic [30:0] HighestMagnitude = 31'h42b0_0000;  // 88
  localparam logic [31:0] FirstCoefficient = 32'h3ab6_0b61;  // 1/720
  // 1/120, 1/24, 1/6, 1/2, 1, 1, each rounded to f32; the first one in the low bits.
  localparam logic [32*Terms-1:0] Coefficients = {
    32'h3f80_0000, 32'h3f80_0000, 32'h3f00_0000, 32'h3e2a_aaab, 32'h3d2a_aaab, 32'h3c08_8889
  };

  localparam logic [1:0] Ordinary = 2'd0;
  localparam logic [1:0] Zero = 2'd1;
  localparam logic [1:0] Infinity = 2'd2;
  localparam logic [1:0] Nan = 2'd3;

  logic [1:0] class_in;
  always_comb begin
    class_in = Ordinary;
    if (x_i[30:0] > 31'h7f80_0000) class_in = Nan;
    else if (x_i[31] && x_i[30:0] > LowestMagnitude) class_in = Zero;
    else if (!x_i[31] && x_i[30:0] > HighestMagnitude) class_in = Infinity;
  end

  // Registers behind stage s have index s.
  logic [Stages:0] valid;  // valid[s]: stage s + 1 has an operand
  logic [Stages:1] valid_q;
  logic [TagWidth+1:0] side_q[Stages+1];
  logic [8:0] n_bits_q[Stages+1];  // integer part of x * log2e

  assign valid = {valid_q, valid_i};

  // Range reduction.
  logic [31:0] x_q[5];
  logic [31:0] scaled;
  logic [31:0] scaled_q;
  logic [31:0] t;
  logic [31:0] t_q;
  logic [31:0] n;
  logic [31:0] n_q;
  logic [31:0] high;
  logic [31:0] high_q;
  logic [31:0] low;
  logic [31:0] low_q;
  logic [31:0] low5_q;
  logic [31:0] u;
  logic [31:0] u_q;
  logic [31:0] r;
  logic [31:0] r_q[Stages+1];  // from stage Reduce on
  logic [31:0] p_q[Stages+1];  // from stage Reduce on

  fp32_mul u_scaled (.en_i(valid[0]), .a_i(x_i), .b_i(Log2e), .product_o(scaled));
  fp32_add u_t (.en_i(valid[1]), .a_i(scaled_q), .b_i(Rounder), .sum_o(t));
  fp32_add u_n (.en_i(valid[2]), .a_i(t_q), .b_i(MinusRounder), .sum_o(n));
  fp32_mul u_high (.en_i(valid[3]), .a_i(n_q), .b_i(MinusLn2High), .product_o(high));
  fp32_mul u_low (.en_i(valid[3]), .a_i(n_q), .b_i(MinusLn2Low), .product_o(low));
  fp32_add u_u (.en_i(valid[4]), .a_i(x_q[4]), .b_i(high_q), .sum_o(u));
  fp32_add u_r (.en_i(valid[5]), .a_i(u_q), .b_i(low5_q), .sum_o(r));

  always_ff @(posedge clk_i) begin
    if (valid[0]) scaled_q <= scaled;
    if (valid[1]) t_q <= t;
    if (valid[2]) n_q <= n;
    if (valid[3]) begin
      high_q <= high;
      low_q <= low;
    end
    if (valid[4]) begin
      u_q <= u;
      low5_q <= low_q;
    end
    if (valid[5]) begin
      r_q[Reduce] <= r;
      p_q[Reduce] <= FirstCoefficient;
    end
    if (valid[1]) n_bits_q[2] <= t[8:0];
    for (int s = 3; s <= int'(Stages); s++) begin
      if (valid[s-1]) n_bits_q[s] <= n_bits_q[s-1];
    end
    if (valid[0]) begin
      x_q[1] <= x_i;
      side_q[1] <= {class_in, tag_i};
    end
    for (int s = 2; s < 5; s++) begin
      if (valid[s-1]) x_q[s] <= x_q[s-1];
    end
    for (int s = 2; s <= int'(Stages); s++) begin
      if (valid[s-1]) side_q[s] <= side_q[s-1];
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else if (clear_i) valid_q <= '0;
    else valid_q <= valid[Stages-1:0];
  end

  // Horner: p = p * r, then p = p + c.
  for (genvar i = 0; i < Terms; i++) begin : gen_term
    localparam int unsigned From = Reduce + 2 * i;
    logic [31:0] product;
    logic [31:0] sum;
    fp32_mul u_mul (
      .en_i(valid[From]), .a_i(p_q[From]), .b_i(r_q[From]), .product_o(product)
    );
    fp32_add u_add (
      .en_i(valid[From+1]), .a_i(p_q[From+1]), .b_i(Coefficients[32*i+:32]), .sum_o(sum)
    );
    always_ff @(posedge clk_i) begin
      if (valid[From]) begin
        p_q[From+1] <= product;
        r_q[From+1] <= r_q[From];
      end
      if (valid[From+1]) begin
        p_q[From+2] <= sum;
        r_q[From+2] <= r_q[From+1];
      end
    end
  end

  assign valid_o = valid[Stages];
  assign tag_o = side_q[Stages][TagWidth-1:0];

  always_comb begin
    unique case (side_q[Stages][TagWidth+1:TagWidth])
      Zero: value_o = 32'd0;
      Infinity: value_o = 32'h7f80_0000;
      Nan: value_o = fp32_pkg::CanonicalNan;
      default: value_o = p_q[Stages] + {n_bits_q[Stages], 23'd0};
    endcase
  end

endmodule
