// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// One MXINT8 block: exact dot product of 32 int8 pairs, scaled by 2^(scale_w + scale_x - 254 -
// 12) and rounded once to binary32 (into subnormals and infinity too). A scale of 255 on either
// side gives NaN. Combinational. `en_i` isolates the operands.

module mx_block_dot (
  input  logic            en_i,
  input  logic [32*8-1:0] weights_i,
  input  logic [32*8-1:0] activations_i,
  input  logic [7:0]      weight_scale_i,
  input  logic [7:0]      activation_scale_i,
  output logic [31:0]     value_o
);

  logic signed [20:0] dot;
  logic signed [15:0] product;
  logic [20:0] magnitude;
  logic [47:0] mant;
  logic [5:0] zeros;
  logic signed [11:0] exponent;

  always_comb begin
    dot = '0;
    product = '0;
    magnitude = '0;
    mant = '0;
    zeros = '0;
    exponent = '0;
    value_o = '0;
    if (en_i) begin
      for (int i = 0; i < 32; i++) begin
        product = 16'(signed'(weights_i[8*i+:8])) * 16'(signed'(activations_i[8*i+:8]));
        dot = dot + 21'(product);
      end
      magnitude = dot[20] ? unsigned'(-dot) : unsigned'(dot);
      if (weight_scale_i == 8'hff || activation_scale_i == 8'hff) begin
        value_o = fp32_pkg::CanonicalNan;
      end else if (magnitude != '0) begin
        mant = {magnitude, 27'd0};
        zeros = fp32_pkg::lzc48(mant);
        mant = mant << zeros;
        // 2^(20 - zeros) * 2^(sum of scales - 266), biased by 127
        exponent = signed'({4'd0, weight_scale_i}) + signed'({4'd0, activation_scale_i}) -
                   signed'({6'd0, zeros}) - 12'sd119;
        value_o = fp32_pkg::round_pack(dot[20], exponent, mant);
      end
    end
  end

endmodule
