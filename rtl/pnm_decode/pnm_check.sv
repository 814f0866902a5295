// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// The checks of a descriptor, in the order of the numerics contract. Combinational. Bit i of the
// descriptor's first byte is bit i of `descriptor_i`.

module pnm_check (
  input  logic [8*compute_descriptor_pkg::SizeBytes-1:0] descriptor_i,
  output logic [3:0]  status_o,  // completion_record_pkg::Status*
  output logic        nop_o,
  output logic        irq_o,     // flag: raise DONE
  output logic [31:0] tag_o,
  output pnm_pkg::op_t op_o      // meaningful if the status is OK and nop_o is low
);

  logic [7:0] opcode;
  logic [7:0] format;
  logic [7:0] flags;
  logic [31:0] n;
  logic [31:0] k;
  logic [31:0] m;
  logic [63:0] dst;
  logic [63:0] src0;
  logic [63:0] src1;
  logic [63:0] src2;
  logic [31:0] stride0;
  logic [31:0] stride1;
  logic [31:0] stride2;
  logic [31:0] stride3;
  logic [31:0] scalar0;

  assign opcode = descriptor_i[8*compute_descriptor_pkg::OpcodeOffset+:8];
  assign format = descriptor_i[8*compute_descriptor_pkg::FormatOffset+:8];
  assign flags = descriptor_i[8*compute_descriptor_pkg::FlagsOffset+:8];
  assign tag_o = descriptor_i[8*compute_descriptor_pkg::TagOffset+:32];
  assign dst = descriptor_i[8*compute_descriptor_pkg::DstOffset+:64];
  assign src0 = descriptor_i[8*compute_descriptor_pkg::Src0Offset+:64];
  assign src1 = descriptor_i[8*compute_descriptor_pkg::Src1Offset+:64];
  assign src2 = descriptor_i[8*compute_descriptor_pkg::Src2Offset+:64];
  assign n = descriptor_i[8*compute_descriptor_pkg::NOffset+:32];
  assign k = descriptor_i[8*compute_descriptor_pkg::KOffset+:32];
  assign m = descriptor_i[8*compute_descriptor_pkg::MOffset+:32];
  assign stride0 = descriptor_i[8*compute_descriptor_pkg::Stride0Offset+:32];
  assign stride1 = descriptor_i[8*compute_descriptor_pkg::Stride1Offset+:32];
  assign stride2 = descriptor_i[8*compute_descriptor_pkg::Stride2Offset+:32];
  assign stride3 = descriptor_i[8*compute_descriptor_pkg::Stride3Offset+:32];
  assign scalar0 = descriptor_i[8*compute_descriptor_pkg::Scalar0Offset+:32];

  logic is_matvec;
  logic is_attention;
  logic is_mx;
  logic known;
  assign nop_o = opcode == compute_descriptor_pkg::OpcodeNop;
  assign is_matvec = opcode == compute_descriptor_pkg::OpcodeMatvec;
  assign is_attention = opcode == compute_descriptor_pkg::OpcodeAttention;
  assign is_mx = format == compute_descriptor_pkg::FormatMxint8;
  assign known = nop_o || is_matvec || is_attention;
  assign irq_o = flags[0];

  // Fields that no operation of this unit uses, and those that this one does not use.
  logic never_used;
  logic reserved_ok;
  always_comb begin
    never_used =
        descriptor_i[8*compute_descriptor_pkg::DstFormatOffset+:8] != '0 || flags[7:1] != '0 ||
        descriptor_i[8*compute_descriptor_pkg::IndexBaseOffset+:32] != '0 ||
        descriptor_i[8*compute_descriptor_pkg::TileRowsOffset+:32] != '0 ||
        descriptor_i[8*compute_descriptor_pkg::WorkOffset+:64] != '0 ||
        descriptor_i[8*compute_descriptor_pkg::WorkBytesOffset+:32] != '0 ||
        descriptor_i[8*compute_descriptor_pkg::SizeBytes-1:
                     8*compute_descriptor_pkg::Reserved0Offset] != '0;
    reserved_ok = !never_used;
    if (nop_o && {format, n, k, m, dst, src0, src1, src2} != '0) reserved_ok = 1'b0;
    if (nop_o && {stride0, stride1, stride2, stride3, scalar0} != '0) reserved_ok = 1'b0;
    if (is_matvec && scalar0 != '0) reserved_ok = 1'b0;
    if (is_matvec && !is_mx && (src2 != '0 || stride2 != '0)) reserved_ok = 1'b0;
  end

  logic format_ok;
  assign format_ok = nop_o || (is_matvec && format <= compute_descriptor_pkg::FormatMxint8) ||
                     (is_attention && format <= compute_descriptor_pkg::FormatBf16);

  logic [31:0] scores;
  logic shape_ok;
  always_comb begin
    shape_ok = 1'b1;
    scores = {27'd0, m[4:0]} * {7'd0, n[24:0]};
    if (!nop_o) begin
      shape_ok = n != '0 && k != '0 && n <= 32'(pnm_pkg::MaxRows);
      if (is_matvec) shape_ok = shape_ok && m == 32'd1 && k <= 32'(pnm_pkg::MaxK);
      else begin
        shape_ok = shape_ok && m != '0 && m <= 32'(pnm_pkg::MaxHeads) &&
                   k <= 32'(pnm_pkg::MaxHeadDim) && scores <= 32'(pnm_pkg::MaxScores);
      end
    end
  end

  // Row lengths in bytes; k is in range here.
  logic [31:0] vector_row;
  logic [31:0] matrix_row;
  logic [31:0] scale_row;
  logic aligned;
  always_comb begin
    vector_row = k << 2;
    unique case (format[1:0])
      pnm_pkg::F32: matrix_row = k << 2;
      pnm_pkg::Mxint8: matrix_row = k;
      default: matrix_row = k << 1;
    endcase
    scale_row = (k + 32'd31) >> 5;
    aligned = dst[4:0] == '0 && src0[4:0] == '0 && src1[4:0] == '0;
    if (n != 32'd1) aligned = aligned && stride1[4:0] == '0 && stride1 >= matrix_row;
    if (is_attention) begin
      aligned = aligned && src2[4:0] == '0;
      if (n != 32'd1) aligned = aligned && stride2[4:0] == '0 && stride2 >= matrix_row;
      if (m != 32'd1) begin
        aligned = aligned && stride0[4:0] == '0 && stride0 >= vector_row && stride3[4:0] == '0 &&
                  stride3 >= vector_row;
      end
    end else if (is_mx) begin
      aligned = aligned && src2[4:0] == '0;
      if (n != 32'd1) aligned = aligned && stride2[4:0] == '0 && stride2 >= scale_row;
    end
    if (nop_o) aligned = 1'b1;
  end

  always_comb begin
    if (!known) status_o = completion_record_pkg::StatusBadOpcode[3:0];
    else if (!format_ok) status_o = completion_record_pkg::StatusBadFormat[3:0];
    else if (!reserved_ok) status_o = completion_record_pkg::StatusBadReserved[3:0];
    else if (!shape_ok) status_o = completion_record_pkg::StatusBadShape[3:0];
    else if (!aligned) status_o = completion_record_pkg::StatusBadAlignment[3:0];
    else status_o = completion_record_pkg::StatusOk[3:0];
  end

  always_comb begin
    op_o.attention = is_attention;
    op_o.format = pnm_pkg::format_e'(format[1:0]);
    op_o.n = n[24:0];
    op_o.k = k[14:0];
    op_o.m = m[4:0];
    op_o.dst = dst;
    op_o.src0 = src0;
    op_o.src1 = src1;
    op_o.src2 = src2;
    op_o.stride0 = stride0;
    op_o.stride1 = stride1;
    op_o.stride2 = stride2;
    op_o.stride3 = stride3;
    op_o.factor = scalar0;
  end

endmodule
