// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// A unit with the ports of rtl/pnm_decode that breaks one rule of them, chosen by the value that is
// written to any register. For the test of the adapter that has to notice.

module pnm_decode (
  input  logic         clk_i,
  input  logic         rst_ni,
  output logic         active_o,
  output logic         irq_o,

  input  logic         csr_aw_valid_i,
  output logic         csr_aw_ready_o,
  /* verilator lint_off UNUSED */
  input  logic [11:0]  csr_aw_addr_i,
  input  logic         csr_w_valid_i,
  output logic         csr_w_ready_o,
  input  logic [31:0]  csr_w_data_i,
  input  logic [3:0]   csr_w_strb_i,
  output logic         csr_b_valid_o,
  input  logic         csr_b_ready_i,
  output logic [1:0]   csr_b_resp_o,
  input  logic         csr_ar_valid_i,
  output logic         csr_ar_ready_o,
  input  logic [11:0]  csr_ar_addr_i,
  output logic         csr_r_valid_o,
  input  logic         csr_r_ready_i,
  output logic [31:0]  csr_r_data_o,
  output logic [1:0]   csr_r_resp_o,

  input  logic         debug_i,
  input  logic [11:0]  debug_addr_i,
  output logic [31:0]  debug_data_o,

  output logic         mem_ar_valid_o,
  input  logic         mem_ar_ready_i,
  output logic [63:0]  mem_ar_addr_o,
  output logic [7:0]   mem_ar_len_o,
  output logic [2:0]   mem_ar_size_o,
  output logic [1:0]   mem_ar_burst_o,
  input  logic         mem_r_valid_i,
  output logic         mem_r_ready_o,
  input  logic [255:0] mem_r_data_i,
  input  logic [1:0]   mem_r_resp_i,
  input  logic         mem_r_last_i,
  output logic         mem_aw_valid_o,
  input  logic         mem_aw_ready_i,
  output logic [63:0]  mem_aw_addr_o,
  output logic [7:0]   mem_aw_len_o,
  output logic [2:0]   mem_aw_size_o,
  output logic [1:0]   mem_aw_burst_o,
  output logic         mem_w_valid_o,
  input  logic         mem_w_ready_i,
  output logic [255:0] mem_w_data_o,
  output logic [31:0]  mem_w_strb_o,
  output logic         mem_w_last_o,
  input  logic         mem_b_valid_i,
  output logic         mem_b_ready_o,
  input  logic [1:0]   mem_b_resp_i
  /* verilator lint_on UNUSED */
);

  // What contract_test.cpp asks for.
  localparam logic [3:0] Nothing = 4'd0;
  localparam logic [3:0] Assertion = 4'd1;
  localparam logic [3:0] ReadTooLong = 4'd2;
  localparam logic [3:0] ReadUnaligned = 4'd3;
  localparam logic [3:0] ReadCrosses4Kib = 4'd4;
  localparam logic [3:0] ReadNarrow = 4'd5;
  localparam logic [3:0] WriteUnaligned = 4'd6;
  localparam logic [3:0] WriteDataFirst = 4'd7;
  localparam logic [3:0] WriteLastMissing = 4'd8;
  localparam logic [3:0] Silent = 4'd9;

  logic [3:0] rule_q;  // broken for the cycle after the write
  logic answer_q;

  assign csr_aw_ready_o = csr_aw_valid_i && csr_w_valid_i;
  assign csr_w_ready_o = csr_aw_ready_o;
  assign csr_b_valid_o = answer_q;
  assign csr_b_resp_o = 2'b00;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      rule_q <= Nothing;
      answer_q <= 1'b0;
    end else begin
      rule_q <= csr_aw_ready_o ? csr_w_data_i[3:0] : Nothing;
      answer_q <= csr_aw_ready_o && csr_w_data_i[3:0] != Silent;
    end
  end

  logic reads;
  assign reads = rule_q == ReadTooLong || rule_q == ReadUnaligned || rule_q == ReadCrosses4Kib ||
                 rule_q == ReadNarrow;
  assign mem_ar_valid_o = reads;
  assign mem_ar_addr_o = rule_q == ReadUnaligned ? 64'h1010 :
                         rule_q == ReadCrosses4Kib ? 64'h1fe0 : 64'h1000;
  assign mem_ar_len_o = rule_q == ReadTooLong ? 8'd16 : rule_q == ReadCrosses4Kib ? 8'd1 : 8'd0;
  assign mem_ar_size_o = rule_q == ReadNarrow ? 3'd2 : 3'd5;
  assign mem_ar_burst_o = 2'b01;

  assign mem_aw_valid_o = rule_q == WriteUnaligned || rule_q == WriteLastMissing;
  assign mem_aw_addr_o = rule_q == WriteUnaligned ? 64'h1010 : 64'h1000;
  assign mem_aw_len_o = 8'd0;
  assign mem_aw_size_o = 3'd5;
  assign mem_aw_burst_o = 2'b01;
  assign mem_w_valid_o = rule_q == WriteDataFirst || rule_q == WriteLastMissing;
  assign mem_w_data_o = '0;
  assign mem_w_strb_o = '1;
  assign mem_w_last_o = rule_q != WriteLastMissing;

  assign active_o = rule_q != Nothing;
  assign irq_o = 1'b0;
  assign csr_ar_ready_o = 1'b0;
  assign csr_r_valid_o = 1'b0;
  assign csr_r_data_o = '0;
  assign csr_r_resp_o = 2'b00;
  assign debug_data_o = '0;
  assign mem_r_ready_o = 1'b1;
  assign mem_b_ready_o = 1'b1;

  always_ff @(posedge clk_i) begin
    assert (rule_q != Assertion) else $error("asked to fail");
  end

endmodule
