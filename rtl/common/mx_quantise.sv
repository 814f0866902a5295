// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Quantises 32 binary32 values to one MXINT8 block (numerics/formats.h, quantise_mxint8).
// Combinational. scale = biased exponent of the largest magnitude; element = RNE(x * 64 /
// 2^(scale - 127)), clamped to [-127, 127]; any infinity or NaN: scale 255, elements 0. `en_i`
// isolates the operands.

module mx_quantise (
  input  logic             en_i,
  input  logic [32*32-1:0] values_i,
  output logic [32*8-1:0]  elements_o,
  output logic [7:0]       scale_o
);

  function automatic logic [7:0] element(input logic [31:0] x, input logic [7:0] scale);
    logic [7:0] exponent;
    logic [7:0] distance;
    logic [31:0] mant;  // 8 integer bits, 24 fraction bits
    logic [7:0] magnitude;
    exponent = x[30:23] == 8'd0 ? 8'd1 : x[30:23];
    // Scale 0 stands for 2^-127, one below the exponent of subnormals.
    distance = scale - exponent + 8'd1;
    magnitude = 8'd0;
    if (distance < 8'd9) begin  // farther ones are below one half
      mant = {x[30:23] != 8'd0, x[22:0], 8'd0} >> distance[3:0];
      magnitude = mant[31:24] + {7'd0, mant[23] & (mant[24] | (mant[22:0] != '0))};
      if (magnitude > 8'd127) magnitude = 8'd127;
    end
    element = x[31] ? 8'd0 - magnitude : magnitude;
  endfunction

  logic [30:0] largest;

  always_comb begin
    largest = '0;
    elements_o = '0;
    scale_o = '0;
    if (en_i) begin
      for (int i = 0; i < 32; i++) begin
        if (values_i[32*i+:31] > largest) largest = values_i[32*i+:31];
      end
      scale_o = largest[30:23];
      if (scale_o != 8'hff) begin
        for (int i = 0; i < 32; i++) elements_o[8*i+:8] = element(values_i[32*i+:32], scale_o);
      end
    end
  end

endmodule
