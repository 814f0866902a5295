// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// AXI4-Lite registers (ip/pnm/regs.toml). One access at a time: a write takes effect in the cycle
// in which both its address and its data are there, its response follows one cycle later; a
// read's data one cycle after its address. Undefined or unaligned offsets and writes with partial
// strobes get SLVERR and do nothing. The debug port reads the same registers without a
// transaction.

module pnm_csr (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic        aw_valid_i,
  output logic        aw_ready_o,
  input  logic [11:0] aw_addr_i,
  input  logic        w_valid_i,
  output logic        w_ready_o,
  input  logic [31:0] w_data_i,
  input  logic [3:0]  w_strb_i,
  output logic        b_valid_o,
  input  logic        b_ready_i,
  output logic [1:0]  b_resp_o,
  input  logic        ar_valid_i,
  output logic        ar_ready_o,
  input  logic [11:0] ar_addr_i,
  output logic        r_valid_o,
  input  logic        r_ready_i,
  output logic [31:0] r_data_o,
  output logic [1:0]  r_resp_o,

  input  logic        debug_i,        // no clock edge while high
  input  logic [11:0] debug_addr_i,
  output logic [31:0] debug_data_o,

  output logic [63:0] queue_base_o,
  output logic [63:0] completion_base_o,
  output logic [15:0] entries_o,
  output logic [31:0] tail_o,
  output logic        enable_o,
  output logic        resume_o,
  output logic        reset_o,
  output logic        irq_o,

  input  logic        take_reset_i,   // the queue has carried out RESET:
  input  logic        take_resume_i,  // or RESUME
  input  logic        done_i,         // set cause DONE
  input  logic        error_i,        // set cause ERROR
  input  logic [31:0] head_i,
  input  logic        busy_i,
  input  logic        halted_i,
  input  logic [3:0]  error_code_i,
  input  logic [31:0] error_tag_i,
  input  logic [63:0] error_address_i,
  input  logic [63:0] cycles_i,
  input  logic [31:0] read_beats_i,
  input  logic [31:0] write_beats_i
);

  logic [31:0] queue_base_lo_q;
  logic [31:0] queue_base_hi_q;
  logic [31:0] completion_base_lo_q;
  logic [31:0] completion_base_hi_q;
  logic [15:0] entries_q;
  logic [31:0] tail_q;
  logic enable_q;
  logic resume_q;
  logic reset_q;
  logic [1:0] irq_status_q;
  logic [1:0] irq_enable_q;
  logic b_valid_q;
  logic [1:0] b_resp_q;
  logic r_valid_q;
  logic [1:0] r_resp_q;
  logic [31:0] r_data_q;

  // Reads.
  logic [11:0] read_addr;
  logic [31:0] read_data;
  logic read_defined;
  logic read;
  assign read = ar_valid_i && ar_ready_o;
  assign read_addr = debug_i ? debug_addr_i : ar_addr_i;

  always_comb begin
    read_data = '0;
    read_defined = 1'b1;
    if (read || debug_i) begin
      unique case (read_addr)
        pnm_reg_pkg::QueueBaseLoOffset: read_data = queue_base_lo_q;
        pnm_reg_pkg::QueueBaseHiOffset: read_data = queue_base_hi_q;
        pnm_reg_pkg::QueueSizeOffset: read_data = {16'd0, entries_q};
        pnm_reg_pkg::TailOffset: read_data = tail_q;
        pnm_reg_pkg::HeadOffset: read_data = head_i;
        pnm_reg_pkg::CompletionBaseLoOffset: read_data = completion_base_lo_q;
        pnm_reg_pkg::CompletionBaseHiOffset: read_data = completion_base_hi_q;
        pnm_reg_pkg::ControlOffset: begin
          read_data = ({31'd0, enable_q} << pnm_reg_pkg::ControlEnableShift) |
                      ({31'd0, resume_q} << pnm_reg_pkg::ControlResumeShift) |
                      ({31'd0, reset_q} << pnm_reg_pkg::ControlResetShift);
        end
        pnm_reg_pkg::StatusOffset: begin
          read_data = ({31'd0, busy_i} << pnm_reg_pkg::StatusBusyShift) |
                      ({31'd0, halted_i} << pnm_reg_pkg::StatusHaltedShift) |
                      ({28'd0, error_code_i} << pnm_reg_pkg::StatusErrorCodeShift);
        end
        pnm_reg_pkg::IrqStatusOffset: read_data = {30'd0, irq_status_q};
        pnm_reg_pkg::IrqEnableOffset: read_data = {30'd0, irq_enable_q};
        pnm_reg_pkg::ErrorTagOffset: read_data = error_tag_i;
        pnm_reg_pkg::ErrorAddressLoOffset: read_data = error_address_i[31:0];
        pnm_reg_pkg::ErrorAddressHiOffset: read_data = error_address_i[63:32];
        pnm_reg_pkg::IdOffset: read_data = pnm_reg_pkg::IdResetValue;
        pnm_reg_pkg::CapsOffset: read_data = pnm_reg_pkg::CapsResetValue;
        pnm_reg_pkg::CapsScoresOffset: read_data = pnm_reg_pkg::CapsScoresResetValue;
        pnm_reg_pkg::CapsKOffset: read_data = pnm_reg_pkg::CapsKResetValue;
        pnm_reg_pkg::CyclesLoOffset: read_data = cycles_i[31:0];
        pnm_reg_pkg::CyclesHiOffset: read_data = cycles_i[63:32];
        pnm_reg_pkg::ReadBeatsOffset: read_data = read_beats_i;
        pnm_reg_pkg::WriteBeatsOffset: read_data = write_beats_i;
        default: read_defined = 1'b0;
      endcase
    end
  end

  // Writes. Read-only registers take a write and ignore it.
  logic write;
  logic write_defined;
  logic write_ok;
  assign write = aw_valid_i && w_valid_i && !b_valid_q;
  always_comb begin
    write_defined = 1'b0;
    if (write) begin
      unique case (aw_addr_i)
        pnm_reg_pkg::QueueBaseLoOffset, pnm_reg_pkg::QueueBaseHiOffset,
        pnm_reg_pkg::QueueSizeOffset, pnm_reg_pkg::TailOffset, pnm_reg_pkg::HeadOffset,
        pnm_reg_pkg::CompletionBaseLoOffset, pnm_reg_pkg::CompletionBaseHiOffset,
        pnm_reg_pkg::ControlOffset, pnm_reg_pkg::StatusOffset, pnm_reg_pkg::IrqStatusOffset,
        pnm_reg_pkg::IrqEnableOffset, pnm_reg_pkg::ErrorTagOffset,
        pnm_reg_pkg::ErrorAddressLoOffset, pnm_reg_pkg::ErrorAddressHiOffset,
        pnm_reg_pkg::IdOffset, pnm_reg_pkg::CapsOffset, pnm_reg_pkg::CapsScoresOffset,
        pnm_reg_pkg::CapsKOffset, pnm_reg_pkg::CyclesLoOffset, pnm_reg_pkg::CyclesHiOffset,
        pnm_reg_pkg::ReadBeatsOffset, pnm_reg_pkg::WriteBeatsOffset: write_defined = 1'b1;
        default: write_defined = 1'b0;
      endcase
    end
  end
  assign write_ok = write_defined && w_strb_i == 4'hf;

  logic write_control;
  logic write_irq_status;
  assign write_control = write_ok && aw_addr_i == pnm_reg_pkg::ControlOffset;
  assign write_irq_status = write_ok && aw_addr_i == pnm_reg_pkg::IrqStatusOffset;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      queue_base_lo_q <= pnm_reg_pkg::QueueBaseLoResetValue;
      queue_base_hi_q <= pnm_reg_pkg::QueueBaseHiResetValue;
      completion_base_lo_q <= pnm_reg_pkg::CompletionBaseLoResetValue;
      completion_base_hi_q <= pnm_reg_pkg::CompletionBaseHiResetValue;
      entries_q <= pnm_reg_pkg::QueueSizeResetValue[15:0];
      tail_q <= pnm_reg_pkg::TailResetValue;
      enable_q <= 1'b0;
      resume_q <= 1'b0;
      reset_q <= 1'b0;
      irq_status_q <= '0;
      irq_enable_q <= '0;
      b_valid_q <= 1'b0;
      b_resp_q <= '0;
      r_valid_q <= 1'b0;
      r_resp_q <= '0;
      r_data_q <= '0;
    end else begin
      if (take_reset_i) begin
        reset_q <= 1'b0;
        tail_q <= '0;
      end
      if (take_resume_i) resume_q <= 1'b0;
      if (write_ok) begin
        unique case (aw_addr_i)
          pnm_reg_pkg::QueueBaseLoOffset: queue_base_lo_q <= w_data_i;
          pnm_reg_pkg::QueueBaseHiOffset: queue_base_hi_q <= w_data_i;
          pnm_reg_pkg::CompletionBaseLoOffset: completion_base_lo_q <= w_data_i;
          pnm_reg_pkg::CompletionBaseHiOffset: completion_base_hi_q <= w_data_i;
          pnm_reg_pkg::QueueSizeOffset: entries_q <= w_data_i[15:0];
          pnm_reg_pkg::TailOffset: tail_q <= w_data_i;
          pnm_reg_pkg::IrqEnableOffset: irq_enable_q <= w_data_i[1:0];
          default: ;
        endcase
      end
      if (write_control) begin
        enable_q <= w_data_i[pnm_reg_pkg::ControlEnableShift];
        if (w_data_i[pnm_reg_pkg::ControlResumeShift]) resume_q <= 1'b1;
        if (w_data_i[pnm_reg_pkg::ControlResetShift]) reset_q <= 1'b1;
      end
      // A new cause wins over a clear in the same cycle.
      irq_status_q[pnm_reg_pkg::IrqStatusDoneShift] <=
          done_i || (irq_status_q[0] && !(write_irq_status && w_data_i[0]));
      irq_status_q[pnm_reg_pkg::IrqStatusErrorShift] <=
          error_i || (irq_status_q[1] && !(write_irq_status && w_data_i[1]));

      if (b_valid_q && b_ready_i) b_valid_q <= 1'b0;
      if (write) begin
        b_valid_q <= 1'b1;
        b_resp_q <= write_ok ? pnm_pkg::RespOkay : pnm_pkg::RespSlvErr;
      end
      if (r_valid_q && r_ready_i) r_valid_q <= 1'b0;
      if (read) begin
        r_valid_q <= 1'b1;
        r_resp_q <= read_defined ? pnm_pkg::RespOkay : pnm_pkg::RespSlvErr;
        r_data_q <= read_data;
      end
    end
  end

  assign aw_ready_o = write;
  assign w_ready_o = write;
  assign b_valid_o = b_valid_q;
  assign b_resp_o = b_resp_q;
  assign ar_ready_o = !r_valid_q;
  assign r_valid_o = r_valid_q;
  assign r_data_o = r_data_q;
  assign r_resp_o = r_resp_q;
  assign debug_data_o = read_data;

  assign queue_base_o = {queue_base_hi_q, queue_base_lo_q};
  assign completion_base_o = {completion_base_hi_q, completion_base_lo_q};
  assign entries_o = entries_q;
  assign tail_o = tail_q;
  assign enable_o = enable_q;
  assign resume_o = resume_q;
  assign reset_o = reset_q;
  assign irq_o = (irq_status_q & irq_enable_q) != '0;

endmodule
