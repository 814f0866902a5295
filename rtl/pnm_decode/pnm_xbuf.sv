// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Operand buffer: x of MATVEC (up to 16384 elements, 16 per word) or q of ATTENTION (word 16 *
// head + step). Fed with the beats of the rows in order; read with one cycle of latency. For
// MXINT8 each block of 32 elements is quantised on its way in and becomes one word: elements in
// bits 255:0, scale in bits 263:256; the word is readable two cycles after the block's last beat.

module pnm_xbuf (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         valid_i,      // a beat: 8 elements
  input  logic         attention_i,
  input  logic         mx_i,
  input  logic [3:0]   row_i,        // query head
  input  logic [10:0]  beat_i,       // within the row
  input  logic         last_i,       // last beat of the row
  input  logic [2:0]   tail_i,       // elements in the last beat, modulo 8
  input  logic [255:0] data_i,

  input  logic         read_i,
  input  logic [9:0]   address_i,
  output logic [511:0] data_o
);

  localparam int unsigned Words = pnm_pkg::MaxK / pnm_pkg::Lanes;

  logic [255:0] low_mem[Words];
  logic [255:0] high_mem[Words];

  // MXINT8: gather four beats, then quantise.
  logic [1023:0] block_q;
  logic block_valid_q;
  logic [8:0] block_index_q;
  logic [255:0] masked;
  logic [255:0] elements;
  logic [7:0] scale;

  always_comb begin
    masked = '0;
    if (valid_i && mx_i) begin
      masked = data_i;
      for (int i = 1; i < 8; i++) begin
        if (last_i && tail_i != '0 && 3'(i) >= tail_i) masked[32*i+:32] = '0;
      end
    end
  end

  mx_quantise u_quantise (
    .en_i(block_valid_q), .values_i(block_q), .elements_o(elements), .scale_o(scale)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) block_valid_q <= 1'b0;
    else block_valid_q <= valid_i && mx_i && (last_i || beat_i[1:0] == 2'd3);
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && mx_i) begin
      block_index_q <= beat_i[10:2];
      unique case (beat_i[1:0])
        2'd0: block_q <= {768'd0, masked};
        2'd1: block_q[511:256] <= masked;
        2'd2: block_q[767:512] <= masked;
        default: block_q[1023:768] <= masked;
      endcase
    end
  end

  logic [9:0] word;
  assign word = attention_i ? {2'd0, row_i, beat_i[4:1]} : beat_i[10:1];

  logic [255:0] low_q;
  logic [255:0] high_q;

  always_ff @(posedge clk_i) begin
    if (block_valid_q) begin
      low_mem[{1'b0, block_index_q}] <= elements;
      high_mem[{1'b0, block_index_q}] <= {248'd0, scale};
    end else if (valid_i && !mx_i) begin
      if (beat_i[0]) high_mem[word] <= data_i;
      else low_mem[word] <= data_i;
    end
    if (read_i) begin
      low_q <= low_mem[address_i];
      high_q <= high_mem[address_i];
    end
  end

  assign data_o = {high_q, low_q};

endmodule
