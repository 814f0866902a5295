// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Streams rows over the AXI read channels into a FIFO. Bursts are INCR, at most MaxBurst beats,
// never across a 4 KiB boundary; room in the FIFO is reserved before a burst is asked for, so
// RREADY is always high. Rows that follow each other in memory are merged. A command is accepted
// while data of earlier ones are still on their way; data come out in command order, two cycles
// after their R beat.
//
// The first beat with an error response sets `fault_o` (and its address) until `flush_i`. While
// `flush_i` is high nothing is asked for, arriving beats are dropped and the FIFO is emptied; it
// must stay high until `idle_o`.

module pnm_reader #(
  parameter int unsigned Depth = 256,       // beats, a power of two
  parameter int unsigned MaxBurst = 16,     // beats
  parameter int unsigned Outstanding = 64   // bursts, a power of two
) (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               flush_i,
  output logic               idle_o,       // nothing asked for and nothing to ask for

  input  logic               cmd_valid_i,
  output logic               cmd_ready_o,
  input  pnm_pkg::read_cmd_t cmd_i,

  output logic               valid_o,
  input  logic               ready_i,
  output logic [255:0]       data_o,
  output logic               side_o,       // the beat belongs to a side row

  output logic               fault_o,
  output pnm_pkg::outcome_t  fault_outcome_o,

  output logic               ar_valid_o,
  input  logic               ar_ready_i,
  output logic [63:0]        ar_addr_o,
  output logic [7:0]         ar_len_o,
  input  logic               r_valid_i,
  input  logic [255:0]       r_data_i,
  input  logic [1:0]         r_resp_i,
  input  logic               r_last_i
);

  localparam int unsigned PtrWidth = $clog2(Depth);
  localparam int unsigned BurstPtrWidth = $clog2(Outstanding);

  // Request side: the segment in work and what follows it.
  logic active_q;
  logic segment_side_q;            // the segment is a side row
  logic [58:0] address_q;          // next beat of the segment
  logic [36:0] left_q;             // beats left in the segment
  logic [24:0] rows_left_q;        // rows after this one
  logic [58:0] row_q;              // main row that the segment belongs to
  logic [58:0] side_row_q;
  logic [26:0] stride_q;
  logic [26:0] side_stride_q;
  logic [11:0] beats_q;
  logic [4:0] side_beats_q;
  logic has_side_q;

  logic merged;
  assign merged = !cmd_i.has_side && cmd_i.stride == {15'd0, cmd_i.beats, 5'd0};

  logic ar_valid_q;
  logic [58:0] ar_addr_q;
  logic [7:0] ar_len_q;

  // Bursts on their way, in order.
  logic [58:0] burst_addr_q[Outstanding];
  logic [Outstanding-1:0] burst_side_q;
  logic [BurstPtrWidth:0] burst_head_q;
  logic [BurstPtrWidth:0] burst_tail_q;
  logic [7:0] beat_q;              // beat of the burst at the head
  logic [PtrWidth:0] reserved_q;   // beats asked for and not yet taken out

  logic [7:0] burst_len;
  logic segment_last;
  logic room;
  logic issue;
  always_comb begin
    burst_len = '0;
    room = 1'b0;
    if (active_q) begin
      burst_len = 8'd128 - {1'b0, address_q[6:0]};
      if (burst_len > 8'(MaxBurst)) burst_len = 8'(MaxBurst);
      if (left_q < {29'd0, burst_len}) burst_len = left_q[7:0];
      room = reserved_q + (PtrWidth + 1)'(burst_len) <= (PtrWidth + 1)'(Depth) &&
             (burst_tail_q - burst_head_q) != (BurstPtrWidth + 1)'(Outstanding);
    end
  end
  assign segment_last = left_q == {29'd0, burst_len};
  assign issue = active_q && room && !flush_i && (!ar_valid_q || ar_ready_i);

  logic pop;
  assign pop = valid_o && ready_i;

  assign cmd_ready_o = !active_q && !flush_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      ar_valid_q <= 1'b0;
      reserved_q <= '0;
      burst_tail_q <= '0;
    end else begin
      if (ar_valid_q && ar_ready_i) ar_valid_q <= 1'b0;
      if (flush_i) begin
        active_q <= 1'b0;
        reserved_q <= '0;
      end else begin
        if (issue) begin
          ar_valid_q <= 1'b1;
          burst_tail_q <= burst_tail_q + 1'b1;
          if (segment_last && !segment_side_q && rows_left_q == '0) active_q <= 1'b0;
        end
        if (cmd_valid_i && cmd_ready_o) active_q <= 1'b1;
        if (issue || pop) begin
          reserved_q <= reserved_q + (issue ? (PtrWidth + 1)'(burst_len) : '0) -
                        (PtrWidth + 1)'(pop);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (cmd_valid_i && cmd_ready_o) begin
      segment_side_q <= cmd_i.has_side;
      address_q <= cmd_i.has_side ? cmd_i.side_address[63:5] : cmd_i.address[63:5];
      left_q <= cmd_i.has_side ? {32'd0, cmd_i.side_beats} :
                merged ? {12'd0, cmd_i.rows} * {25'd0, cmd_i.beats} : {25'd0, cmd_i.beats};
      rows_left_q <= merged ? '0 : cmd_i.rows - 25'd1;
      row_q <= cmd_i.address[63:5];
      side_row_q <= cmd_i.side_address[63:5];
      stride_q <= cmd_i.stride[31:5];
      side_stride_q <= cmd_i.side_stride[31:5];
      beats_q <= cmd_i.beats;
      side_beats_q <= cmd_i.side_beats;
      has_side_q <= cmd_i.has_side;
    end else if (issue) begin
      ar_addr_q <= address_q;
      ar_len_q <= burst_len - 8'd1;
      burst_addr_q[burst_tail_q[BurstPtrWidth-1:0]] <= address_q;
      burst_side_q[burst_tail_q[BurstPtrWidth-1:0]] <= segment_side_q;
      address_q <= address_q + {51'd0, burst_len};
      left_q <= left_q - {29'd0, burst_len};
      if (segment_last) begin
        if (segment_side_q) begin
          segment_side_q <= 1'b0;
          address_q <= row_q;
          left_q <= {25'd0, beats_q};
        end else begin
          rows_left_q <= rows_left_q - 25'd1;
          row_q <= row_q + {32'd0, stride_q};
          side_row_q <= side_row_q + {32'd0, side_stride_q};
          segment_side_q <= has_side_q;
          address_q <= has_side_q ? side_row_q + {32'd0, side_stride_q} : row_q + {32'd0, stride_q};
          left_q <= has_side_q ? {32'd0, side_beats_q} : {25'd0, beats_q};
        end
      end
    end
  end

  assign ar_valid_o = ar_valid_q;
  assign ar_addr_o = {ar_addr_q, 5'd0};
  assign ar_len_o = ar_len_q;

  // Data side.
  logic [255:0] data_mem[Depth];
  logic [Depth-1:0] side_mem;
  logic [PtrWidth-1:0] write_q;
  logic [PtrWidth-1:0] read_q;
  logic [PtrWidth-1:0] read_d;
  logic [PtrWidth:0] level_q;
  logic valid_q;
  logic [255:0] data_q;
  logic side_q;
  logic fault_q;
  pnm_pkg::outcome_t fault_outcome_q;
  logic push;

  assign push = r_valid_i && !flush_i;
  assign read_d = read_q + PtrWidth'(pop);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      level_q <= '0;
      valid_q <= 1'b0;
      fault_q <= 1'b0;
      fault_outcome_q <= '0;
      burst_head_q <= '0;
      beat_q <= '0;
    end else begin
      if (flush_i) begin
        write_q <= '0;
        read_q <= '0;
        level_q <= '0;
        valid_q <= 1'b0;
        fault_q <= 1'b0;
      end else begin
        if (push) write_q <= write_q + 1'b1;
        read_q <= read_d;
        if (push || pop) level_q <= level_q + (PtrWidth + 1)'(push) - (PtrWidth + 1)'(pop);
        valid_q <= level_q != (PtrWidth + 1)'(pop);
        if (push && r_resp_i != pnm_pkg::RespOkay && !fault_q) begin
          fault_q <= 1'b1;
          fault_outcome_q.status <= r_resp_i == pnm_pkg::RespDecErr ?
                                    completion_record_pkg::StatusBusError[3:0] :
                                    completion_record_pkg::StatusUncorrectable[3:0];
          fault_outcome_q.address <=
              {burst_addr_q[burst_head_q[BurstPtrWidth-1:0]] + {51'd0, beat_q}, 5'd0};
        end
      end
      if (r_valid_i) begin
        beat_q <= r_last_i ? 8'd0 : beat_q + 8'd1;
        if (r_last_i) burst_head_q <= burst_head_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) begin
      data_mem[write_q] <= r_data_i;
      side_mem[write_q] <= burst_side_q[burst_head_q[BurstPtrWidth-1:0]];
    end
    if (pop || !valid_q) begin
      data_q <= data_mem[read_d];
      side_q <= side_mem[read_d];
    end
  end

  assign valid_o = valid_q;
  assign data_o = data_q;
  assign side_o = side_q;
  assign fault_o = fault_q;
  assign fault_outcome_o = fault_outcome_q;
  assign idle_o = !active_q && !ar_valid_q && burst_head_q == burst_tail_q;

  // Low bits of addresses and strides are 0: the descriptor was checked.
  logic unused_low_bits;
  assign unused_low_bits = ^{cmd_i.address[4:0], cmd_i.side_address[4:0], cmd_i.stride[4:0],
                             cmd_i.side_stride[4:0]};

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!(r_valid_i && burst_head_q == burst_tail_q)) else $error("R beat without a burst");
    assert (!(push && level_q == (PtrWidth + 1)'(Depth))) else $error("read FIFO overflows");
    assert (!(ar_valid_q && {5'd0, ar_addr_q[6:0]} + {4'd0, ar_len_q} > 12'd127))
    else $error("burst crosses 4 KiB");
  end
`endif

endmodule
