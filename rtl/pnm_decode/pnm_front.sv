// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Turns the beats of W, K or V into steps for the lanes. A beat is one step of 16 elements (f16,
// bf16), half a step (f32: two beats make one), or one block (MXINT8; scale rows come first, as
// side beats). Each step is held for m cycles, once per head. A beat is taken in the cycle of the
// previous step's last head, so a stream without gaps gives a step in every cycle. `start_i`
// begins a pass of n rows.

module pnm_front (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             clear_i,
  input  logic             start_i,
  input  pnm_pkg::format_e format_i,
  input  logic [24:0]      n_i,           // rows
  input  logic [4:0]       m_i,           // heads per step
  input  logic [11:0]      beats_i,       // per row, side beats apart
  input  logic [3:0]       tail_i,        // elements in the last step, modulo 16

  input  logic             valid_i,
  output logic             ready_o,
  input  logic             side_i,
  input  logic [255:0]     data_i,

  input  logic             stall_i,
  output logic             step_o,        // a step with the values below; not while stall_i
  output logic             pending_o,     // a step waits, perhaps for stall_i
  output logic [511:0]     operand_o,
  output logic [15:0]      mask_o,
  output logic [3:0]       index_o,       // of the step in its row, modulo 16
  output logic [3:0]       head_o,
  output logic             first_o,       // step 0 of the row
  output logic             last_o,        // last step of the row
  output logic             row_first_o,   // row 0
  output logic             row_done_o,    // last step and last head
  output logic [7:0]       scale_o,       // MXINT8: of the block

  output logic             read_o,        // x is needed next cycle for
  output logic [9:0]       read_index_o,  // this step and
  output logic [3:0]       read_head_o,   // this head
  output logic             done_o         // no step is left in the pass
);

  logic active_q;          // beats are still expected
  logic [24:0] row_q;
  logic [11:0] beat_q;
  logic [3:0] side_beat_q;
  logic [255:0] scales_q[16];

  logic op_valid_q;
  logic [511:0] op_q;
  logic [255:0] low_q;     // f32: first beat of the next step
  logic [9:0] op_index_q;
  logic op_last_q;
  logic op_row_first_q;
  logic [7:0] op_scale_q;
  logic [4:0] head_q;

  logic is_f32;
  logic is_mx;
  logic head_last;
  logic op_done;
  logic take;       // a beat of the row
  logic take_side;
  logic beat_last;
  logic half_step;  // the beat waits for the next one
  logic fills;      // the beat completes a step
  assign is_f32 = format_i == pnm_pkg::F32;
  assign is_mx = format_i == pnm_pkg::Mxint8;
  assign pending_o = op_valid_q;
  assign step_o = op_valid_q && !stall_i;
  assign head_last = head_q == m_i - 5'd1;
  assign op_done = step_o && head_last;
  assign half_step = is_f32 && !beat_q[0] && !beat_last;
  assign ready_o = active_q && (side_i || half_step || !op_valid_q || op_done);
  assign take = valid_i && ready_o && !side_i;
  assign take_side = valid_i && ready_o && side_i;
  assign beat_last = beat_q == beats_i - 12'd1;
  assign fills = take && !half_step;

  logic [9:0] index;
  assign index = is_f32 ? beat_q[10:1] : beat_q[9:0];

  logic [511:0] halves;
  logic halves_en;
  assign halves_en = take && !is_f32 && !is_mx;
  for (genvar l = 0; l < 16; l++) begin : gen_half
    fp32_from_half u_half (
      .en_i(halves_en), .bf16_i(format_i == pnm_pkg::Bf16), .half_i(data_i[16*l+:16]),
      .value_o(halves[32*l+:32])
    );
  end

  logic [255:0] scale_word;
  always_comb begin
    scale_word = '0;
    if (take && is_mx) scale_word = scales_q[beat_q[8:5]];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      op_valid_q <= 1'b0;
      row_q <= '0;
      beat_q <= '0;
      side_beat_q <= '0;
      head_q <= '0;
    end else if (clear_i || start_i) begin
      active_q <= !clear_i;
      op_valid_q <= 1'b0;
      row_q <= '0;
      beat_q <= '0;
      side_beat_q <= '0;
      head_q <= '0;
    end else begin
      if (op_done) op_valid_q <= 1'b0;
      if (fills) op_valid_q <= 1'b1;
      if (step_o) head_q <= head_last ? '0 : head_q + 5'd1;
      if (take_side) side_beat_q <= side_beat_q + 4'd1;
      if (take) begin
        beat_q <= beat_q + 12'd1;
        if (beat_last) begin
          beat_q <= '0;
          side_beat_q <= '0;
          row_q <= row_q + 25'd1;
          if (row_q == n_i - 25'd1) active_q <= 1'b0;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (take_side) scales_q[side_beat_q] <= data_i;
    if (take) begin
      if (half_step) low_q <= data_i;
      else if (is_f32 && beat_q[0]) op_q <= {data_i, low_q};
      else if (is_f32) op_q[255:0] <= data_i;
      else if (is_mx) op_q[255:0] <= data_i;
      else op_q <= halves;
      if (fills) begin
        op_index_q <= index;
        op_last_q <= beat_last;
        op_row_first_q <= row_q == '0;
        op_scale_q <= scale_word[8*beat_q[4:0]+:8];
      end
    end
  end

  always_comb begin
    mask_o = '1;
    if (op_last_q && tail_i != '0) mask_o = (16'd1 << tail_i) - 16'd1;
  end

  assign operand_o = op_q;
  assign index_o = op_index_q[3:0];
  assign head_o = head_q[3:0];
  assign first_o = op_index_q == '0;
  assign last_o = op_last_q;
  assign row_first_o = op_row_first_q;
  assign row_done_o = op_done && op_last_q;
  assign scale_o = op_scale_q;
  assign read_o = fills || step_o;
  assign read_index_o = fills ? index : op_index_q;
  assign read_head_o = !step_o ? head_q[3:0] : head_last ? 4'd0 : head_q[3:0] + 4'd1;
  assign done_o = !active_q && !op_valid_q;

endmodule
