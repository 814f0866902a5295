// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// The command queue: fetches a descriptor (4 beats), checks it, has the engine execute it, writes
// the completion record (1 beat), moves HEAD. A failed descriptor completes too (record, HEAD),
// then the queue halts. RESET, RESUME and a cleared ENABLE are taken between descriptors. Cycles
// of a record count from the first cycle of the fetch to the last response of the execution.

module pnm_queue (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic [63:0]        queue_base_i,
  input  logic [63:0]        completion_base_i,
  input  logic [15:0]        entries_i,
  input  logic [31:0]        tail_i,
  input  logic               enable_i,
  input  logic               resume_i,
  input  logic               reset_i,
  output logic               take_reset_o,
  output logic               take_resume_o,
  output logic               done_o,          // interrupt causes
  output logic               error_o,
  output logic [31:0]        head_o,
  output logic               busy_o,
  output logic               halted_o,
  output logic [3:0]         error_code_o,
  output logic [31:0]        error_tag_o,
  output logic [63:0]        error_address_o,
  output logic               active_o,        // something to do now: the clock must run

  output logic               cmd_valid_o,
  input  logic               cmd_ready_i,
  output pnm_pkg::read_cmd_t cmd_o,
  output logic               fetching_o,      // the reader's data are for the queue
  output logic               flush_o,
  input  logic               reader_idle_i,
  input  logic               reader_fault_i,
  input  pnm_pkg::outcome_t  reader_outcome_i,
  input  logic               data_valid_i,
  input  logic [255:0]       data_i,

  output logic               engine_start_o,
  output pnm_pkg::op_t       op_o,
  input  logic               engine_done_i,
  input  pnm_pkg::outcome_t  engine_outcome_i,

  output logic               write_valid_o,
  output logic [63:0]        write_address_o,
  output logic [255:0]       write_data_o,
  output logic               writer_clear_o,
  input  logic               writer_idle_i,
  input  logic               writer_fault_i,
  input  pnm_pkg::outcome_t  writer_outcome_i
);

  localparam int unsigned DescriptorBits = 8 * compute_descriptor_pkg::SizeBytes;

  typedef enum logic [3:0] {
    Idle,
    Ask,         // for the descriptor
    Fetch,
    FetchFault,  // drop what is still on its way
    Check,
    Start,
    Execute,
    Record,
    RecordWait,
    Complete
  } state_e;
  state_e state_q;

  logic [DescriptorBits-1:0] descriptor_q;
  logic [1:0] beat_q;
  logic [31:0] head_q;
  logic halted_q;
  logic [3:0] error_code_q;
  logic [31:0] error_tag_q;
  logic [63:0] error_address_q;
  pnm_pkg::outcome_t outcome_q;
  logic [63:0] cycles_q;
  logic [9:0] entry_q;

  logic [3:0] check_status;
  logic check_nop;
  logic check_irq;
  logic [31:0] check_tag;
  pnm_pkg::op_t check_op;
  pnm_pkg::op_t op_q;
  pnm_check u_check (
    .descriptor_i(descriptor_q), .status_o(check_status), .nop_o(check_nop), .irq_o(check_irq),
    .tag_o(check_tag), .op_o(check_op)
  );

  // Work, in the order in which it is looked at.
  logic idle;
  logic ready;         // enabled and not halted, nothing requested
  logic bad_size;
  logic bad_base;
  logic work;
  logic config_halt;
  assign idle = state_q == Idle;
  assign take_reset_o = idle && reset_i;
  assign take_resume_o = idle && resume_i;
  assign ready = idle && enable_i && !halted_q && !reset_i && !resume_i;
  assign bad_size = entries_i == '0 || entries_i > 16'd1024 ||
                    (entries_i & (entries_i - 16'd1)) != '0;
  assign bad_base = queue_base_i[6:0] != '0 || completion_base_i[4:0] != '0;
  assign config_halt = ready && (bad_size || bad_base);
  assign work = ready && !config_halt && head_q != tail_i;
  assign active_o = !idle || reset_i || resume_i || config_halt || work;

  logic failed;
  logic check_ok;
  logic counting;
  assign check_ok = check_status == completion_record_pkg::StatusOk[3:0];
  assign counting = state_q != Record && state_q != RecordWait && state_q != Complete;
  assign failed = outcome_q.status != completion_record_pkg::StatusOk[3:0];
  assign done_o = state_q == Complete && !failed && check_irq;
  assign error_o = config_halt || (state_q == Complete && failed);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
      beat_q <= '0;
      head_q <= '0;
      halted_q <= 1'b0;
      error_code_q <= '0;
      error_tag_q <= '0;
      error_address_q <= '0;
      outcome_q <= '0;
      cycles_q <= '0;
      entry_q <= '0;
    end else begin
      if (take_reset_o) begin
        head_q <= '0;
        halted_q <= 1'b0;
        error_code_q <= '0;
        error_tag_q <= '0;
        error_address_q <= '0;
      end
      if (take_resume_o) halted_q <= 1'b0;
      if (config_halt) begin
        halted_q <= 1'b1;
        error_code_q <= bad_size ? completion_record_pkg::StatusBadShape[3:0] :
                                   completion_record_pkg::StatusBadAlignment[3:0];
        error_tag_q <= '0;
        error_address_q <= '0;
      end
      if (counting) cycles_q <= cycles_q + 64'd1;
      unique case (state_q)
        Idle: begin
          cycles_q <= '0;
          outcome_q <= '0;
          beat_q <= '0;
          entry_q <= head_q[9:0] & (entries_i[9:0] - 10'd1);
          if (work) state_q <= Ask;
        end
        Ask: if (cmd_ready_i) state_q <= Fetch;
        Fetch: begin
          if (reader_fault_i) begin
            outcome_q <= reader_outcome_i;
            state_q <= FetchFault;
          end else if (data_valid_i) begin
            beat_q <= beat_q + 2'd1;
            if (beat_q == 2'd3) state_q <= Check;
          end
        end
        FetchFault: if (reader_idle_i) state_q <= Record;
        Check: begin
          outcome_q.status <= check_status;
          state_q <= check_nop || !check_ok ? Record : Start;
        end
        Start: state_q <= Execute;
        Execute: begin
          if (engine_done_i) begin
            outcome_q <= engine_outcome_i;
            state_q <= Record;
          end
        end
        Record: state_q <= RecordWait;
        RecordWait: begin
          if (writer_idle_i) begin
            if (writer_fault_i && !failed) outcome_q <= writer_outcome_i;
            state_q <= Complete;
          end
        end
        default: begin  // Complete
          head_q <= head_q + 32'd1;
          if (failed) begin
            halted_q <= 1'b1;
            error_code_q <= outcome_q.status;
            error_tag_q <= check_tag;
            error_address_q <= outcome_q.address;
          end
          state_q <= Idle;
        end
      endcase
    end
  end

  // A descriptor that could not be fetched counts as all zeros.
  always_ff @(posedge clk_i) begin
    if (state_q == FetchFault) descriptor_q <= '0;
    else if (state_q == Fetch && data_valid_i) descriptor_q[256*beat_q+:256] <= data_i;
    if (state_q == Check) op_q <= check_op;
  end

  assign cmd_valid_o = state_q == Ask;
  always_comb begin
    cmd_o = '0;
    cmd_o.address = queue_base_i + {47'd0, entry_q, 7'd0};
    cmd_o.rows = 25'd1;
    cmd_o.beats = 12'd4;
  end
  assign fetching_o = state_q == Fetch;
  assign flush_o = state_q == FetchFault;
  assign engine_start_o = state_q == Start;
  assign op_o = op_q;

  assign write_valid_o = state_q == Record;
  assign write_address_o = record_q;
  logic [63:0] record_q;  // the rings are those of the start, whatever software writes meanwhile
  always_ff @(posedge clk_i) begin
    if (state_q == Ask) record_q <= completion_base_i + {49'd0, entry_q, 5'd0};
  end
  always_comb begin
    write_data_o = '0;
    write_data_o[8*completion_record_pkg::TagOffset+:32] = check_tag;
    write_data_o[8*completion_record_pkg::StatusOffset+:32] = {28'd0, outcome_q.status};
    write_data_o[8*completion_record_pkg::FaultAddressOffset+:64] = outcome_q.address;
    write_data_o[8*completion_record_pkg::CyclesOffset+:64] = cycles_q;
    write_data_o[8*completion_record_pkg::SequenceOffset+:32] = head_q;
  end
  assign writer_clear_o = state_q == Complete;

  assign head_o = head_q;
  assign busy_o = !idle;
  assign halted_o = halted_q;
  assign error_code_o = error_code_q;
  assign error_tag_o = error_tag_q;
  assign error_address_o = error_address_q;

endmodule
