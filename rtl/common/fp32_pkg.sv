// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// What the binary32 units share: constants, leading-zero count and the one rounding step.

package fp32_pkg;

  localparam logic [31:0] CanonicalNan = 32'h7fc0_0000;

  // Leading zeros of a 48-bit value in log steps; 47 for 0 (callers handle 0 apart).
  function automatic logic [5:0] lzc48(input logic [47:0] value);
    logic [47:0] v;
    v = value;
    lzc48 = 6'd0;
    if (v[47:16] == '0) begin
      lzc48 = 6'd32;
      v = v << 32;
    end
    if (v[47:32] == '0) begin
      lzc48 = lzc48 + 6'd16;
      v = v << 16;
    end
    if (v[47:40] == '0) begin
      lzc48 = lzc48 + 6'd8;
      v = v << 8;
    end
    if (v[47:44] == '0) begin
      lzc48 = lzc48 + 6'd4;
      v = v << 4;
    end
    if (v[47:46] == '0) begin
      lzc48 = lzc48 + 6'd2;
      v = v << 2;
    end
    if (!v[47]) lzc48 = lzc48 + 6'd1;
  endfunction

  // Rounds to nearest even, once, into subnormals and infinity. `mant` has its leading one in bit
  // 47 and stands for 1.x; `exponent` is its biased exponent before range checks.
  function automatic logic [31:0] round_pack(input logic sign, input logic signed [11:0] exponent,
                                             input logic [47:0] mant);
    logic [47:0] m;
    logic [11:0] shift;
    logic [7:0] field;
    logic up;
    m = mant;
    shift = 12'd1 - unsigned'(exponent);
    field = exponent[7:0];
    if (exponent < 12'sd1) begin
      field = 8'd0;
      if (shift > 12'd47) begin
        m = 48'd1;
      end else begin
        m = mant >> shift[5:0];
        if ((m << shift[5:0]) != mant) m[0] = 1'b1;
      end
    end
    up = m[23] & (m[24] | (m[22:0] != '0));
    round_pack = {sign, {field, m[46:24]} + {30'd0, up}};
    if (exponent > 12'sd254) round_pack = {sign, 8'hff, 23'd0};
  endfunction

endpackage
