// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Sizes and records shared by the modules of the decode unit.

package pnm_pkg;

  localparam int unsigned Lanes = 16;
  localparam int unsigned MaxHeads = 16;
  localparam int unsigned MaxHeadDim = 256;
  localparam int unsigned MaxK = 16384;
  localparam int unsigned MaxScores = 32768;
  localparam int unsigned MaxRows = 1 << 24;

  typedef enum logic [1:0] {
    F32 = 2'd0,
    F16 = 2'd1,
    Bf16 = 2'd2,
    Mxint8 = 2'd3
  } format_e;

  // A checked descriptor, reduced to what the engine needs.
  typedef struct packed {
    logic attention;  // else MATVEC
    format_e format;
    logic [24:0] n;
    logic [14:0] k;
    logic [4:0] m;
    logic [63:0] dst;
    logic [63:0] src0;
    logic [63:0] src1;
    logic [63:0] src2;
    logic [31:0] stride0;
    logic [31:0] stride1;
    logic [31:0] stride2;
    logic [31:0] stride3;
    logic [31:0] factor;
  } op_t;

  // What the reader fetches: `rows` rows of `beats` beats; each row may be preceded by a side row
  // (scales).
  typedef struct packed {
    logic [63:0] address;
    logic [31:0] stride;
    logic [24:0] rows;
    logic [11:0] beats;
    logic has_side;
    logic [63:0] side_address;
    logic [31:0] side_stride;
    logic [4:0] side_beats;
  } read_cmd_t;

  // How an access, a check or a descriptor ended; `address` is that of the first failed beat.
  typedef struct packed {
    logic [3:0] status;  // completion_record_pkg::Status*
    logic [63:0] address;
  } outcome_t;

  // AXI responses.
  localparam logic [1:0] RespOkay = 2'b00;
  localparam logic [1:0] RespSlvErr = 2'b10;
  localparam logic [1:0] RespDecErr = 2'b11;

  // a > b for ordered binary32 values; false if either is NaN.
  function automatic logic greater(input logic [31:0] a, input logic [31:0] b);
    if (a[30:0] > 31'h7f80_0000 || b[30:0] > 31'h7f80_0000) greater = 1'b0;
    else if (a[30:0] == '0 && b[30:0] == '0) greater = 1'b0;
    else if (a[31] != b[31]) greater = b[31];
    else if (a[31]) greater = a[30:0] < b[30:0];
    else greater = a[30:0] > b[30:0];
  endfunction

endpackage
