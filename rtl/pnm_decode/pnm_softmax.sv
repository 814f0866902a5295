// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Scores of ATTENTION and what becomes of them. Scores arrive in the order token by token, heads
// inside a token; they are stored in that order and the running maximum of each head is kept.
// After `start_i` they stream through exp(s - maximum) in the same order into a ring of 64
// weights, from which the weighted sum of V reads; each weight is also added to its head's 16
// partial sums. Once all are summed, each head's sum (tree, shared with the dot products) is
// turned into a reciprocal.

module pnm_softmax (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         clear_i,       // back to the state before a descriptor
  input  logic [24:0]  n_i,           // tokens
  input  logic [4:0]   m_i,           // heads

  input  logic         score_i,
  input  logic         score_first_i, // of token 0
  input  logic [3:0]   score_head_i,
  input  logic [31:0]  score_value_i,

  input  logic         start_i,       // all scores are in

  input  logic [3:0]   weight_head_i, // which head's weight of the oldest token to show
  output logic         weight_valid_o,
  output logic [31:0]  weight_o,
  input  logic         weight_pop_i,  // the oldest token is done with

  output logic         tree_valid_o,
  output logic [511:0] tree_partials_o,
  input  logic         tree_valid_i,
  input  logic [31:0]  tree_sum_i,

  input  logic [3:0]   inverse_head_i,
  output logic         inverse_valid_o,
  output logic [31:0]  inverse_o
);

  localparam int unsigned ScoreWidth = $clog2(pnm_pkg::MaxScores);
  localparam int unsigned Ring = 64;
  localparam int unsigned RingWidth = $clog2(Ring);
  localparam int unsigned TagWidth = 10;  // last, first of its partial, lane, head

  // Scores and maxima.
  logic [31:0] score_mem[pnm_pkg::MaxScores];
  logic [ScoreWidth-1:0] fill_q;
  logic [31:0] maximum_q[pnm_pkg::MaxHeads];
  logic raise;

  always_comb begin
    raise = 1'b0;
    if (score_i) begin
      raise = score_first_i || pnm_pkg::greater(score_value_i, maximum_q[score_head_i]);
    end
  end

  // Feeder: one score per cycle while the ring has room for what is on its way.
  logic feeding_q;
  logic [ScoreWidth-1:0] feed_q;
  logic [24:0] feed_token_q;
  logic [4:0] feed_head_q;
  logic [RingWidth:0] reserved_q;
  logic feed;
  logic feed_head_last;
  logic feed_last;
  assign feed = feeding_q && reserved_q != (RingWidth + 1)'(Ring);
  assign feed_head_last = feed_head_q == m_i - 5'd1;
  assign feed_last = feed_head_last && feed_token_q == n_i - 25'd1;

  logic read_valid_q;
  logic [31:0] read_score_q;
  logic [TagWidth-1:0] read_tag_q;
  logic [31:0] difference;
  logic [31:0] difference_q;
  logic difference_valid_q;
  logic [TagWidth-1:0] difference_tag_q;
  logic [31:0] minus_maximum;

  assign minus_maximum = maximum_q[read_tag_q[3:0]] ^ 32'h8000_0000;
  fp32_add u_difference (
    .en_i(read_valid_q), .a_i(read_score_q), .b_i(minus_maximum), .sum_o(difference)
  );

  logic exp_valid;
  logic [31:0] exp_value;
  logic [TagWidth-1:0] exp_tag;
  fp32_exp #(.TagWidth(TagWidth)) u_exp (
    .clk_i, .rst_ni, .clear_i, .valid_i(difference_valid_q), .x_i(difference_q),
    .tag_i(difference_tag_q), .valid_o(exp_valid), .value_o(exp_value), .tag_o(exp_tag)
  );

  // Ring of weights.
  logic [31:0] ring_mem[Ring];
  logic [RingWidth-1:0] ring_write_q;
  logic [RingWidth-1:0] ring_read_q;
  logic [RingWidth:0] ring_level_q;
  logic [RingWidth-1:0] weight_index;
  assign weight_index = ring_read_q + RingWidth'(weight_head_i);
  assign weight_o = ring_mem[weight_index];
  assign weight_valid_o = ring_level_q > (RingWidth + 1)'(weight_head_i);

  // Partial sums, one word of 16 lanes per head.
  logic [511:0] partial_mem[pnm_pkg::MaxHeads];
  logic [511:0] partial_row;
  logic [31:0] partial_old;
  logic [31:0] partial_new;
  always_comb begin
    partial_row = '0;
    partial_old = '0;
    if (exp_valid) begin
      partial_row = partial_mem[exp_tag[3:0]];
      if (!exp_tag[8]) partial_old = partial_row[32*exp_tag[7:4]+:32];
    end
  end
  fp32_add u_partial (
    .en_i(exp_valid), .a_i(partial_old), .b_i(exp_value), .sum_o(partial_new)
  );

  always_ff @(posedge clk_i) begin
    if (score_i) begin
      score_mem[fill_q] <= score_value_i;
      if (raise) maximum_q[score_head_i] <= score_value_i;
    end
    if (feed) begin
      read_score_q <= score_mem[feed_q];
      read_tag_q <= {feed_last, feed_token_q[24:4] == '0, feed_token_q[3:0], feed_head_q[3:0]};
    end
    if (read_valid_q) begin
      difference_q <= difference;
      difference_tag_q <= read_tag_q;
    end
    if (exp_valid) begin
      ring_mem[ring_write_q] <= exp_value;
      partial_mem[exp_tag[3:0]][32*exp_tag[7:4]+:32] <= partial_new;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fill_q <= '0;
      feeding_q <= 1'b0;
      feed_q <= '0;
      feed_token_q <= '0;
      feed_head_q <= '0;
      reserved_q <= '0;
      read_valid_q <= 1'b0;
      difference_valid_q <= 1'b0;
      ring_write_q <= '0;
      ring_read_q <= '0;
      ring_level_q <= '0;
    end else if (clear_i) begin
      fill_q <= '0;
      feeding_q <= 1'b0;
      feed_q <= '0;
      feed_token_q <= '0;
      feed_head_q <= '0;
      reserved_q <= '0;
      read_valid_q <= 1'b0;
      difference_valid_q <= 1'b0;
      ring_write_q <= '0;
      ring_read_q <= '0;
      ring_level_q <= '0;
    end else begin
      if (score_i) fill_q <= fill_q + 1'b1;
      if (start_i) feeding_q <= 1'b1;
      if (feed) begin
        feed_q <= feed_q + 1'b1;
        feed_head_q <= feed_head_last ? '0 : feed_head_q + 5'd1;
        if (feed_head_last) feed_token_q <= feed_token_q + 25'd1;
        if (feed_last) feeding_q <= 1'b0;
      end
      read_valid_q <= feed;
      difference_valid_q <= read_valid_q;
      if (exp_valid) ring_write_q <= ring_write_q + 1'b1;
      if (weight_pop_i) ring_read_q <= ring_read_q + RingWidth'(m_i);
      if (feed || weight_pop_i) begin
        reserved_q <= reserved_q + (RingWidth + 1)'(feed) -
                      (weight_pop_i ? (RingWidth + 1)'(m_i) : '0);
      end
      if (exp_valid || weight_pop_i) begin
        ring_level_q <= ring_level_q + (RingWidth + 1)'(exp_valid) -
                        (weight_pop_i ? (RingWidth + 1)'(m_i) : '0);
      end
    end
  end

  // Reciprocals, head by head.
  typedef enum logic [2:0] {
    Wait,     // for the last weight
    Sum,      // partials into the tree
    SumWait,
    Divide,
    Done
  } state_e;
  state_e state_q;
  logic [4:0] head_q;  // reciprocals finished
  logic [31:0] sum_q;
  logic [31:0] inverse_mem[pnm_pkg::MaxHeads];
  logic div_start_q;
  logic div_done;
  logic [31:0] div_quotient;

  fp32_div u_div (
    .clk_i, .rst_ni, .clear_i, .start_i(div_start_q), .a_i(32'h3f80_0000), .b_i(sum_q),
    .done_o(div_done), .quotient_o(div_quotient)
  );

  // Partials without a term are absent.
  assign tree_valid_o = state_q == Sum;
  always_comb begin
    tree_partials_o = '0;
    if (tree_valid_o) begin
      tree_partials_o = partial_mem[head_q[3:0]];
      for (int l = 0; l < 16; l++) begin
        if (n_i <= 25'(l)) tree_partials_o[32*l+:32] = '0;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Wait;
      head_q <= '0;
      sum_q <= '0;
      div_start_q <= 1'b0;
    end else if (clear_i) begin
      state_q <= Wait;
      head_q <= '0;
      div_start_q <= 1'b0;
    end else begin
      div_start_q <= 1'b0;
      unique case (state_q)
        Wait: if (exp_valid && exp_tag[9]) state_q <= Sum;
        Sum: state_q <= SumWait;
        SumWait: begin
          if (tree_valid_i) begin
            sum_q <= tree_sum_i;
            div_start_q <= 1'b1;
            state_q <= Divide;
          end
        end
        Divide: begin
          if (div_done) begin
            head_q <= head_q + 5'd1;
            state_q <= head_q == m_i - 5'd1 ? Done : Sum;
          end
        end
        default: state_q <= Done;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Divide && div_done) inverse_mem[head_q[3:0]] <= div_quotient;
  end

  assign inverse_valid_o = head_q > {1'b0, inverse_head_i};
  assign inverse_o = inverse_mem[inverse_head_i];

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (!clear_i) begin
      assert (!(exp_valid && ring_level_q == (RingWidth + 1)'(Ring)))
      else $error("weight ring overflows");
      assert (!(weight_pop_i && ring_level_q < (RingWidth + 1)'(m_i)))
      else $error("weight ring underflows");
    end
  end
`endif

endmodule
