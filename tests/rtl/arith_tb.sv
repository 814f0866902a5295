// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// All arithmetic units of rtl/common side by side, for arith_test.cpp. Each has its own enable.

module arith_tb (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,
  input  logic [31:0]      a_i,
  input  logic [31:0]      b_i,
  input  logic             add_en_i,
  input  logic             mul_en_i,
  output logic [31:0]      sum_o,
  output logic [31:0]      product_o,
  input  logic             div_start_i,
  output logic             div_done_o,
  output logic [31:0]      quotient_o,
  input  logic             half_en_i,
  input  logic             bf16_i,
  input  logic [15:0]      half_i,
  output logic [31:0]      half_value_o,
  input  logic             exp_valid_i,
  output logic             exp_valid_o,
  output logic [31:0]      exp_o,
  output logic [7:0]       exp_tag_o,
  input  logic             tree_valid_i,
  input  logic [16*32-1:0] partials_i,
  output logic             tree_valid_o,
  output logic [31:0]      tree_sum_o,
  output logic             tree_busy_o,
  output logic [7:0]       tree_tag_o,
  input  logic             mx_en_i,
  input  logic [32*32-1:0] values_i,
  output logic [32*8-1:0]  elements_o,
  output logic [7:0]       scale_o,
  input  logic [32*8-1:0]  weights_i,
  input  logic [32*8-1:0]  activations_i,
  input  logic [7:0]       weight_scale_i,
  input  logic [7:0]       activation_scale_i,
  output logic [31:0]      block_o
);

  fp32_add u_add (.en_i(add_en_i), .a_i, .b_i, .sum_o);
  fp32_mul u_mul (.en_i(mul_en_i), .a_i, .b_i, .product_o);
  fp32_div u_div (
    .clk_i, .rst_ni, .clear_i, .start_i(div_start_i), .a_i, .b_i, .done_o(div_done_o), .quotient_o
  );
  fp32_from_half u_half (.en_i(half_en_i), .bf16_i, .half_i, .value_o(half_value_o));
  fp32_exp #(.TagWidth(8)) u_exp (
    .clk_i, .rst_ni, .clear_i, .valid_i(exp_valid_i), .x_i(a_i), .tag_i(a_i[7:0]),
    .valid_o(exp_valid_o), .value_o(exp_o), .tag_o(exp_tag_o)
  );
  sum16_tree #(.TagWidth(8)) u_tree (
    .clk_i, .rst_ni, .clear_i, .valid_i(tree_valid_i), .partials_i, .tag_i(partials_i[7:0]),
    .valid_o(tree_valid_o), .sum_o(tree_sum_o), .tag_o(tree_tag_o), .busy_o(tree_busy_o)
  );
  mx_quantise u_quantise (.en_i(mx_en_i), .values_i, .elements_o, .scale_o);
  mx_block_dot u_block_dot (
    .en_i(mx_en_i), .weights_i, .activations_i, .weight_scale_i, .activation_scale_i,
    .value_o(block_o)
  );

endmodule
