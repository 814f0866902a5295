// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// The pairwise tree of sum16: partial[l] += partial[l + s] for s = 8, 4, 2, 1. Pipelined: one set
// of 16 partials per cycle, result 4 cycles later, in order. No back-pressure.

module sum16_tree #(
  parameter int unsigned TagWidth = 8
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                clear_i,     // drops everything in the pipeline
  input  logic                valid_i,
  input  logic [16*32-1:0]    partials_i,
  input  logic [TagWidth-1:0] tag_i,       // comes out with the result
  output logic                valid_o,
  output logic [31:0]         sum_o,
  output logic [TagWidth-1:0] tag_o,
  output logic                busy_o       // something is in the pipeline
);

  logic [3:0] valid_q;
  logic [TagWidth-1:0] tag_q[4];
  logic [8*32-1:0] sum8;
  logic [8*32-1:0] sum8_q;
  logic [4*32-1:0] sum4;
  logic [4*32-1:0] sum4_q;
  logic [2*32-1:0] sum2;
  logic [2*32-1:0] sum2_q;
  logic [31:0] sum1;
  logic [31:0] sum1_q;

  for (genvar l = 0; l < 8; l++) begin : gen_8
    fp32_add u_add (
      .en_i(valid_i), .a_i(partials_i[32*l+:32]), .b_i(partials_i[32*(l+8)+:32]),
      .sum_o(sum8[32*l+:32])
    );
  end
  for (genvar l = 0; l < 4; l++) begin : gen_4
    fp32_add u_add (
      .en_i(valid_q[0]), .a_i(sum8_q[32*l+:32]), .b_i(sum8_q[32*(l+4)+:32]), .sum_o(sum4[32*l+:32])
    );
  end
  for (genvar l = 0; l < 2; l++) begin : gen_2
    fp32_add u_add (
      .en_i(valid_q[1]), .a_i(sum4_q[32*l+:32]), .b_i(sum4_q[32*(l+2)+:32]), .sum_o(sum2[32*l+:32])
    );
  end
  fp32_add u_add1 (.en_i(valid_q[2]), .a_i(sum2_q[31:0]), .b_i(sum2_q[63:32]), .sum_o(sum1));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else if (clear_i) valid_q <= '0;
    else valid_q <= {valid_q[2:0], valid_i};
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      sum8_q <= sum8;
      tag_q[0] <= tag_i;
    end
    if (valid_q[0]) begin
      sum4_q <= sum4;
      tag_q[1] <= tag_q[0];
    end
    if (valid_q[1]) begin
      sum2_q <= sum2;
      tag_q[2] <= tag_q[1];
    end
    if (valid_q[2]) begin
      sum1_q <= sum1;
      tag_q[3] <= tag_q[2];
    end
  end

  assign valid_o = valid_q[3];
  assign sum_o = sum1_q;
  assign tag_o = tag_q[3];
  assign busy_o = valid_q != '0;

endmodule
