// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes beats over the AXI write channels, each as a burst of one, in order, several on their
// way. A beat is accepted in every cycle; who sends stops soon enough after `almost_full_o`. The
// first error response sets `fault_o` until `clear_i`.

module pnm_writer #(
  parameter int unsigned Depth = 64  // beats, a power of two; also the most without a response
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,      // forget the fault
  output logic              idle_o,       // everything accepted has its response

  input  logic              valid_i,
  input  logic [63:0]       address_i,
  input  logic [255:0]      data_i,
  input  logic [31:0]       strobe_i,
  output logic              almost_full_o,  // room for fewer than 8 beats

  output logic              fault_o,
  output pnm_pkg::outcome_t fault_outcome_o,

  output logic              aw_valid_o,
  input  logic              aw_ready_i,
  output logic [63:0]       aw_addr_o,
  output logic              w_valid_o,
  input  logic              w_ready_i,
  output logic [255:0]      w_data_o,
  output logic [31:0]       w_strb_o,
  input  logic              b_valid_i,
  input  logic [1:0]        b_resp_i
);

  localparam int unsigned PtrWidth = $clog2(Depth);

  // One ring: an entry is filled, its address and its data leave, its response frees it.
  logic [63:0] addr_mem[Depth];
  logic [255:0] data_mem[Depth];
  logic [31:0] strb_mem[Depth];
  logic [PtrWidth:0] fill_q;
  logic [PtrWidth:0] aw_q;
  logic [PtrWidth:0] w_q;
  logic [PtrWidth:0] b_q;
  logic fault_q;
  pnm_pkg::outcome_t fault_outcome_q;

  assign aw_valid_o = aw_q != fill_q;
  assign aw_addr_o = addr_mem[aw_q[PtrWidth-1:0]];
  assign w_valid_o = w_q != fill_q;
  assign w_data_o = data_mem[w_q[PtrWidth-1:0]];
  assign w_strb_o = strb_mem[w_q[PtrWidth-1:0]];
  assign idle_o = b_q == fill_q;
  logic [PtrWidth:0] level;
  assign level = fill_q - b_q;
  assign almost_full_o = level > (PtrWidth + 1)'(Depth - 8);
  assign fault_o = fault_q;
  assign fault_outcome_o = fault_outcome_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fill_q <= '0;
      aw_q <= '0;
      w_q <= '0;
      b_q <= '0;
      fault_q <= 1'b0;
      fault_outcome_q <= '0;
    end else begin
      if (valid_i) fill_q <= fill_q + 1'b1;
      if (aw_valid_o && aw_ready_i) aw_q <= aw_q + 1'b1;
      if (w_valid_o && w_ready_i) w_q <= w_q + 1'b1;
      if (b_valid_i) begin
        b_q <= b_q + 1'b1;
        if (b_resp_i != pnm_pkg::RespOkay && !fault_q) begin
          fault_q <= 1'b1;
          fault_outcome_q.status <= b_resp_i == pnm_pkg::RespDecErr ?
                                    completion_record_pkg::StatusBusError[3:0] :
                                    completion_record_pkg::StatusUncorrectable[3:0];
          fault_outcome_q.address <= addr_mem[b_q[PtrWidth-1:0]];
        end
      end
      if (clear_i) fault_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      addr_mem[fill_q[PtrWidth-1:0]] <= address_i;
      data_mem[fill_q[PtrWidth-1:0]] <= data_i;
      strb_mem[fill_q[PtrWidth-1:0]] <= strobe_i;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!(valid_i && level == (PtrWidth + 1)'(Depth))) else $error("write ring overflows");
    assert (!(b_valid_i && b_q == fill_q)) else $error("B without a write");
  end
`endif

endmodule
