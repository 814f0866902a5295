// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes results. MATVEC: packs row results, eight to a beat. ATTENTION: after `start_i`, for
// each head and each 16 elements reads the accumulators, has the lanes multiply them by the
// head's reciprocal and writes two beats (4 cycles per 16 elements). `done_o` once every beat has
// been handed to the writer.

module pnm_output (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               clear_i,      // before every descriptor
  input  logic [63:0]        dst_i,
  input  logic [31:0]        stride_i,     // of the output rows of ATTENTION
  input  logic [24:0]        n_i,          // results of MATVEC
  input  logic [4:0]         m_i,          // rows of ATTENTION
  input  logic [2:0]         tail_i,       // elements in the last beat of a row, modulo 8
  input  logic [11:0]        row_beats_i,  // beats of an output row of ATTENTION

  input  logic               result_i,     // MATVEC: the next row's result
  input  logic [31:0]        result_value_i,

  input  logic               start_i,      // ATTENTION: the sums are complete
  output logic               fetch_o,
  output logic               scale_o,
  output logic [7:0]         address_o,    // accumulator
  output logic [3:0]         head_o,
  input  logic               inverse_valid_i,  // of head_o
  input  logic [511:0]       products_i,

  input  logic               full_i,       // the writer wants no more for now
  output logic               stall_o,      // MATVEC: no more steps for now
  output logic               valid_o,
  output logic [63:0]        beat_address_o,
  output logic [255:0]       beat_o,
  output logic [31:0]        strobe_o,
  output logic               done_o
);

  typedef enum logic [2:0] {
    Idle,
    Fetch,
    Scale,
    Low,
    High,
    Done
  } state_e;
  state_e state_q;

  // Two beats at most follow a stall: 8 results on their way, or the two of a step.
  assign stall_o = full_i;

  // MATVEC.
  logic [24:0] count_q;
  logic [255:0] pack_q;
  logic pack_valid_q;
  logic [7:0] pack_lanes_q;
  logic all_packed_q;
  logic last_result;
  assign last_result = count_q == n_i - 25'd1;

  // ATTENTION.
  logic [4:0] head_q;
  logic [11:0] beat_q;
  logic [63:0] row_q;
  logic row_last_beat;
  logic [7:0] beat_lanes;
  assign row_last_beat = beat_q == row_beats_i - 12'd1;
  assign beat_lanes = row_last_beat && tail_i != '0 ? (8'd1 << tail_i) - 8'd1 : 8'hff;

  logic [63:0] address_q;  // of the next beat
  logic [7:0] lanes;

  assign fetch_o = state_q == Fetch && inverse_valid_i && !full_i;
  assign scale_o = state_q == Scale;
  assign head_o = head_q[3:0];
  assign address_o = {head_q[3:0], beat_q[4:1]};
  assign valid_o = pack_valid_q || state_q == Low || state_q == High;
  assign beat_address_o = address_q;
  assign beat_o = pack_valid_q ? pack_q : state_q == Low ? products_i[255:0] : products_i[511:256];
  assign lanes = pack_valid_q ? pack_lanes_q : beat_lanes;
  always_comb for (int i = 0; i < 8; i++) strobe_o[4*i+:4] = {4{lanes[i]}};
  assign done_o = state_q == Done || (all_packed_q && !pack_valid_q);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
      count_q <= '0;
      pack_valid_q <= 1'b0;
      pack_lanes_q <= '0;
      all_packed_q <= 1'b0;
      head_q <= '0;
      beat_q <= '0;
      row_q <= '0;
      address_q <= '0;
    end else if (clear_i) begin
      state_q <= Idle;
      count_q <= '0;
      pack_valid_q <= 1'b0;
      all_packed_q <= 1'b0;
      head_q <= '0;
      beat_q <= '0;
      row_q <= dst_i;
      address_q <= dst_i;
    end else begin
      pack_valid_q <= result_i && (count_q[2:0] == 3'd7 || last_result);
      if (result_i) begin
        count_q <= count_q + 25'd1;
        pack_lanes_q <= (8'd2 << count_q[2:0]) - 8'd1;
        if (last_result) all_packed_q <= 1'b1;
      end
      if (valid_o) address_q <= address_q + 64'd32;
      unique case (state_q)
        Idle: if (start_i) state_q <= Fetch;
        Fetch: if (fetch_o) state_q <= Scale;
        Scale: state_q <= Low;
        Low, High: begin
          beat_q <= beat_q + 12'd1;
          state_q <= state_q == Low ? High : Fetch;
          if (row_last_beat) begin
            beat_q <= '0;
            head_q <= head_q + 5'd1;
            row_q <= row_q + {32'd0, stride_i};
            address_q <= row_q + {32'd0, stride_i};
            state_q <= head_q == m_i - 5'd1 ? Done : Fetch;
          end
        end
        default: state_q <= Done;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (result_i) pack_q[32*count_q[2:0]+:32] <= result_value_i;
  end

endmodule
