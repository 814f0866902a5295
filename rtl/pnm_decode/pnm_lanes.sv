// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// The multiply-add lanes with their accumulators. Two stages, one step per cycle:
//   M  product of the operand with x (dot products), with a broadcast scalar (weighted sum of V,
//      final scaling), or the MXINT8 block product in lane 0
//   A  accumulator[address] + product, written back and, behind the last step of a row, given out
// The final scaling takes its operand from the accumulators and ends behind M. A result is
// forwarded to a step that follows at once on the same accumulator. Physically each stage would
// be several; the number of cycles would grow by a constant per descriptor.

module pnm_lanes (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,

  input  logic         step_i,        // a step with the operands below
  input  logic         mx_i,
  input  logic         broadcast_i,   // multiply by scalar_i instead of x_i
  input  logic [15:0]  mask_i,        // lanes that have a term
  input  logic [511:0] operand_i,
  input  logic [511:0] x_i,
  input  logic [31:0]  scalar_i,
  input  logic [7:0]   weight_scale_i,  // MXINT8
  input  logic [7:0]   address_i,     // accumulator
  input  logic         first_i,       // start from +0
  input  logic         last_i,        // give the sums out
  input  logic [4:0]   tag_i,         // comes out with the sums

  input  logic         fetch_i,       // final scaling, first cycle: read accumulator address_i
  input  logic         scale_i,       // second cycle: multiply it by scalar_i

  output logic         sums_valid_o,
  output logic [511:0] sums_o,
  output logic [4:0]   tag_o,
  output logic [511:0] products_o,    // the cycle after scale_i
  output logic         busy_o
);

  localparam int unsigned Accumulators = pnm_pkg::MaxHeads * pnm_pkg::MaxHeadDim / pnm_pkg::Lanes;

  logic [511:0] acc_mem[Accumulators];
  logic [511:0] acc_q;
  logic [511:0] products;
  logic [511:0] products_q;
  logic [511:0] sums;
  logic [511:0] sums_q;
  logic m_valid_q;
  logic m_mx_q;
  logic m_last_q;
  logic [4:0] m_tag_q;
  logic [7:0] m_address_q;
  logic sums_valid_q;
  logic [4:0] tag_q;

  // M
  logic [31:0] block_value;
  mx_block_dot u_block (
    .en_i(step_i && mx_i), .weights_i(operand_i[255:0]), .activations_i(x_i[255:0]),
    .weight_scale_i, .activation_scale_i(x_i[263:256]), .value_o(block_value)
  );
  for (genvar l = 0; l < 16; l++) begin : gen_mul
    logic [31:0] a;
    logic [31:0] b;
    logic [31:0] product;
    assign a = scale_i ? acc_q[32*l+:32] : operand_i[32*l+:32];
    assign b = broadcast_i ? scalar_i : x_i[32*l+:32];
    fp32_mul u_mul (
      .en_i((step_i && !mx_i && mask_i[l]) || scale_i), .a_i(a), .b_i(b), .product_o(product)
    );
    if (l == 0) begin : gen_first
      assign products[31:0] = mx_i && !scale_i ? block_value : product;
    end else begin : gen_other
      assign products[32*l+:32] = product;
    end
  end

  // A
  for (genvar l = 0; l < 16; l++) begin : gen_add
    fp32_add u_add (
      .en_i(m_valid_q && (l == 0 || !m_mx_q)), .a_i(acc_q[32*l+:32]), .b_i(products_q[32*l+:32]),
      .sum_o(sums[32*l+:32])
    );
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      m_valid_q <= 1'b0;
      sums_valid_q <= 1'b0;
    end else if (clear_i) begin
      m_valid_q <= 1'b0;
      sums_valid_q <= 1'b0;
    end else begin
      m_valid_q <= step_i;
      sums_valid_q <= m_valid_q && m_last_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (step_i || scale_i) products_q <= products;
    if (step_i) begin
      m_mx_q <= mx_i;
      m_last_q <= last_i;
      m_tag_q <= tag_i;
      m_address_q <= address_i;
    end
    if (step_i || fetch_i) begin
      if (step_i && first_i) acc_q <= '0;
      else if (m_valid_q && m_address_q == address_i) acc_q <= sums;
      else acc_q <= acc_mem[address_i];
    end
    if (m_valid_q) begin
      acc_mem[m_address_q] <= sums;
      if (m_last_q) begin
        sums_q <= sums;
        tag_q <= m_tag_q;
      end
    end
  end

  assign sums_valid_o = sums_valid_q;
  assign sums_o = sums_q;
  assign tag_o = tag_q;
  assign products_o = products_q;
  assign busy_o = m_valid_q || sums_valid_q;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!(step_i && (fetch_i || scale_i))) else $error("step and scaling collide");
  end
`endif

endmodule
