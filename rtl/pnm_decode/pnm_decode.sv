// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Near-memory decode unit: AXI4-Lite registers, AXI4 memory port (256-bit data, INCR bursts, one
// ID, so responses are in order), interrupt. Every output is a function of registers, but for
// AWREADY and WREADY of the register port. RREADY and BREADY of the memory port are always high.
// `active_o` tells whoever gates the clock that the unit has work; register accesses need the
// clock as well.

module pnm_decode (
  input  logic         clk_i,
  input  logic         rst_ni,
  output logic         active_o,
  output logic         irq_o,

  // Registers: AXI4-Lite target.
  input  logic         csr_aw_valid_i,
  output logic         csr_aw_ready_o,
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

  // Registers: debug read, no clock edge while debug_i is high.
  input  logic         debug_i,
  input  logic [11:0]  debug_addr_i,
  output logic [31:0]  debug_data_o,

  // Memory: AXI4 initiator.
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
);

  localparam logic [2:0] Size32Bytes = 3'd5;
  localparam logic [1:0] Incr = 2'b01;

  logic [63:0] queue_base;
  logic [63:0] completion_base;
  logic [15:0] entries;
  logic [31:0] tail;
  logic enable;
  logic resume;
  logic reset;
  logic take_reset;
  logic take_resume;
  logic cause_done;
  logic cause_error;
  logic [31:0] head;
  logic busy;
  logic halted;
  logic [3:0] error_code;
  logic [31:0] error_tag;
  logic [63:0] error_address;

  logic [63:0] busy_cycles_q;
  logic [31:0] read_beats_q;
  logic [31:0] write_beats_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_cycles_q <= '0;
      read_beats_q <= '0;
      write_beats_q <= '0;
    end else begin
      if (busy) busy_cycles_q <= busy_cycles_q + 64'd1;
      if (mem_r_valid_i) read_beats_q <= read_beats_q + 32'd1;
      if (mem_w_valid_o && mem_w_ready_i) write_beats_q <= write_beats_q + 32'd1;
    end
  end

  pnm_csr u_csr (
    .clk_i, .rst_ni,
    .aw_valid_i(csr_aw_valid_i), .aw_ready_o(csr_aw_ready_o), .aw_addr_i(csr_aw_addr_i),
    .w_valid_i(csr_w_valid_i), .w_ready_o(csr_w_ready_o), .w_data_i(csr_w_data_i),
    .w_strb_i(csr_w_strb_i), .b_valid_o(csr_b_valid_o), .b_ready_i(csr_b_ready_i),
    .b_resp_o(csr_b_resp_o), .ar_valid_i(csr_ar_valid_i), .ar_ready_o(csr_ar_ready_o),
    .ar_addr_i(csr_ar_addr_i), .r_valid_o(csr_r_valid_o), .r_ready_i(csr_r_ready_i),
    .r_data_o(csr_r_data_o), .r_resp_o(csr_r_resp_o), .debug_i, .debug_addr_i, .debug_data_o,
    .queue_base_o(queue_base), .completion_base_o(completion_base), .entries_o(entries),
    .tail_o(tail), .enable_o(enable), .resume_o(resume), .reset_o(reset), .irq_o,
    .take_reset_i(take_reset), .take_resume_i(take_resume), .done_i(cause_done),
    .error_i(cause_error), .head_i(head), .busy_i(busy), .halted_i(halted),
    .error_code_i(error_code), .error_tag_i(error_tag), .error_address_i(error_address),
    .cycles_i(busy_cycles_q), .read_beats_i(read_beats_q), .write_beats_i(write_beats_q)
  );

  logic queue_cmd_valid;
  pnm_pkg::read_cmd_t queue_cmd;
  logic fetching;
  logic queue_flush;
  logic engine_start;
  pnm_pkg::op_t op;
  logic engine_done;
  pnm_pkg::outcome_t engine_outcome;
  logic record_valid;
  logic [63:0] record_address;
  logic [255:0] record;
  logic record_clear;

  logic cmd_ready;
  logic reader_idle;
  logic reader_fault;
  pnm_pkg::outcome_t reader_outcome;
  logic data_valid;
  logic data_side;
  logic [255:0] data;
  logic writer_idle;
  logic writer_fault;
  pnm_pkg::outcome_t writer_outcome;
  logic writer_full;

  pnm_queue u_queue (
    .clk_i, .rst_ni, .queue_base_i(queue_base), .completion_base_i(completion_base),
    .entries_i(entries), .tail_i(tail), .enable_i(enable), .resume_i(resume), .reset_i(reset),
    .take_reset_o(take_reset), .take_resume_o(take_resume), .done_o(cause_done),
    .error_o(cause_error), .head_o(head), .busy_o(busy), .halted_o(halted),
    .error_code_o(error_code), .error_tag_o(error_tag), .error_address_o(error_address), .active_o,
    .cmd_valid_o(queue_cmd_valid), .cmd_ready_i(cmd_ready), .cmd_o(queue_cmd),
    .fetching_o(fetching), .flush_o(queue_flush), .reader_idle_i(reader_idle),
    .reader_fault_i(reader_fault), .reader_outcome_i(reader_outcome), .data_valid_i(data_valid),
    .data_i(data), .engine_start_o(engine_start), .op_o(op), .engine_done_i(engine_done),
    .engine_outcome_i(engine_outcome), .write_valid_o(record_valid),
    .write_address_o(record_address), .write_data_o(record), .writer_clear_o(record_clear),
    .writer_idle_i(writer_idle), .writer_fault_i(writer_fault), .writer_outcome_i(writer_outcome)
  );

  logic engine_cmd_valid;
  pnm_pkg::read_cmd_t engine_cmd;
  logic engine_flush;
  logic engine_ready;
  logic result_valid;
  logic [63:0] result_address;
  logic [255:0] result;
  logic [31:0] result_strobe;

  pnm_engine u_engine (
    .clk_i, .rst_ni, .start_i(engine_start), .op_i(op), .done_o(engine_done),
    .outcome_o(engine_outcome), .cmd_valid_o(engine_cmd_valid), .cmd_ready_i(cmd_ready),
    .cmd_o(engine_cmd), .flush_o(engine_flush), .reader_idle_i(reader_idle),
    .reader_fault_i(reader_fault), .reader_outcome_i(reader_outcome),
    .data_valid_i(data_valid && !fetching), .data_ready_o(engine_ready), .data_side_i(data_side),
    .data_i(data), .write_valid_o(result_valid), .write_address_o(result_address),
    .write_data_o(result), .write_strobe_o(result_strobe), .write_full_i(writer_full),
    .writer_idle_i(writer_idle), .writer_fault_i(writer_fault), .writer_outcome_i(writer_outcome)
  );

  pnm_reader u_reader (
    .clk_i, .rst_ni, .flush_i(queue_flush || engine_flush), .idle_o(reader_idle),
    .cmd_valid_i(queue_cmd_valid || engine_cmd_valid), .cmd_ready_o(cmd_ready),
    .cmd_i(queue_cmd_valid ? queue_cmd : engine_cmd), .valid_o(data_valid),
    .ready_i(fetching || engine_ready), .data_o(data), .side_o(data_side), .fault_o(reader_fault),
    .fault_outcome_o(reader_outcome), .ar_valid_o(mem_ar_valid_o), .ar_ready_i(mem_ar_ready_i),
    .ar_addr_o(mem_ar_addr_o), .ar_len_o(mem_ar_len_o), .r_valid_i(mem_r_valid_i),
    .r_data_i(mem_r_data_i), .r_resp_i(mem_r_resp_i), .r_last_i(mem_r_last_i)
  );
  assign mem_ar_size_o = Size32Bytes;
  assign mem_ar_burst_o = Incr;
  assign mem_r_ready_o = 1'b1;

  pnm_writer u_writer (
    .clk_i, .rst_ni, .clear_i(record_clear || engine_flush), .idle_o(writer_idle),
    .valid_i(record_valid || result_valid),
    .address_i(record_valid ? record_address : result_address),
    .data_i(record_valid ? record : result), .strobe_i(record_valid ? '1 : result_strobe),
    .almost_full_o(writer_full), .fault_o(writer_fault), .fault_outcome_o(writer_outcome),
    .aw_valid_o(mem_aw_valid_o), .aw_ready_i(mem_aw_ready_i), .aw_addr_o(mem_aw_addr_o),
    .w_valid_o(mem_w_valid_o), .w_ready_i(mem_w_ready_i), .w_data_o(mem_w_data_o),
    .w_strb_o(mem_w_strb_o), .b_valid_i(mem_b_valid_i), .b_resp_i(mem_b_resp_i)
  );
  assign mem_aw_len_o = 8'd0;
  assign mem_aw_size_o = Size32Bytes;
  assign mem_aw_burst_o = Incr;
  assign mem_w_last_o = 1'b1;
  assign mem_b_ready_o = 1'b1;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!(queue_cmd_valid && engine_cmd_valid)) else $error("two users of the reader");
    assert (!(record_valid && result_valid)) else $error("two users of the writer");
  end
`endif

endmodule
