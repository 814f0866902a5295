// SPDX-FileCopyrightText: The Memwall authors
// SPDX-License-Identifier: Apache-2.0
//
// Executes one checked descriptor (MATVEC or ATTENTION): asks the reader for x (or q), then W (or
// K, then V) in one go, loads the operand buffer, streams the rows through the lanes and has the
// results written. `start_i` with `op_i` (held until `done_o`); `done_o` for one cycle with the
// outcome, when every access has its response. On the first failed access the rest is dropped.

module pnm_engine (
  input  logic               clk_i,
  input  logic               rst_ni,
  input  logic               start_i,
  input  pnm_pkg::op_t       op_i,
  output logic               done_o,
  output pnm_pkg::outcome_t  outcome_o,

  output logic               cmd_valid_o,
  input  logic               cmd_ready_i,
  output pnm_pkg::read_cmd_t cmd_o,
  output logic               flush_o,
  input  logic               reader_idle_i,
  input  logic               reader_fault_i,
  input  pnm_pkg::outcome_t  reader_outcome_i,
  input  logic               data_valid_i,
  output logic               data_ready_o,
  input  logic               data_side_i,
  input  logic [255:0]       data_i,

  output logic               write_valid_o,
  output logic [63:0]        write_address_o,
  output logic [255:0]       write_data_o,
  output logic [31:0]        write_strobe_o,
  input  logic               write_full_i,
  input  logic               writer_idle_i,
  input  logic               writer_fault_i,
  input  pnm_pkg::outcome_t  writer_outcome_i
);

  typedef enum logic [2:0] {
    Idle,
    Load,     // x or q into the operand buffer
    Main,     // W or K
    Value,    // V
    Scale,    // times 1 / sum
    Finish,   // the last write responses
    Abort
  } phase_e;
  phase_e phase_q;

  typedef enum logic [1:0] {
    RequestX,
    RequestMain,
    RequestValue,
    RequestNone
  } request_e;
  request_e request_q;

  pnm_pkg::outcome_t outcome_q;
  logic fault;
  assign fault = reader_fault_i || writer_fault_i;

  // Shapes, from the descriptor.
  logic is_mx;
  logic [11:0] x_beats;
  logic [11:0] beats;
  logic [4:0] side_beats;
  assign is_mx = op_i.format == pnm_pkg::Mxint8;
  always_comb begin
    x_beats = 12'((op_i.k + 15'd7) >> 3);
    side_beats = 5'((op_i.k + 15'd1023) >> 10);
    unique case (op_i.format)
      pnm_pkg::F32: beats = x_beats;
      pnm_pkg::Mxint8: beats = 12'((op_i.k + 15'd31) >> 5);
      default: beats = 12'((op_i.k + 15'd15) >> 4);
    endcase
  end

  // Requests run ahead of the data.
  assign cmd_valid_o = request_q != RequestNone && phase_q != Idle && phase_q != Abort;
  always_comb begin
    cmd_o = '0;
    cmd_o.side_address = op_i.src2;
    cmd_o.side_stride = op_i.stride2;
    cmd_o.side_beats = side_beats;
    unique case (request_q)
      RequestX: begin
        cmd_o.address = op_i.src0;
        cmd_o.stride = op_i.stride0;
        cmd_o.rows = {20'd0, op_i.m};
        cmd_o.beats = x_beats;
      end
      RequestMain: begin
        cmd_o.address = op_i.src1;
        cmd_o.stride = op_i.stride1;
        cmd_o.rows = op_i.n;
        cmd_o.beats = beats;
        cmd_o.has_side = is_mx;
      end
      default: begin
        cmd_o.address = op_i.src2;
        cmd_o.stride = op_i.stride2;
        cmd_o.rows = op_i.n;
        cmd_o.beats = beats;
      end
    endcase
  end

  // Load.
  logic [3:0] x_row_q;
  logic [10:0] x_beat_q;
  logic load;
  logic load_row_last;
  logic load_last;
  assign load = phase_q == Load && data_valid_i;
  assign load_row_last = {1'b0, x_beat_q} == x_beats - 12'd1;
  assign load_last = load && load_row_last && {1'b0, x_row_q} == op_i.m - 5'd1;

  logic x_read;
  logic [9:0] x_index;
  logic [3:0] x_head;
  logic [511:0] x_data;
  pnm_xbuf u_xbuf (
    .clk_i, .rst_ni,
    .valid_i(load), .attention_i(op_i.attention), .mx_i(is_mx), .row_i(x_row_q), .beat_i(x_beat_q),
    .last_i(load_row_last), .tail_i(op_i.k[2:0]), .data_i,
    .read_i(x_read && phase_q == Main),
    .address_i(op_i.attention ? {2'd0, x_head, x_index[3:0]} : x_index), .data_o(x_data)
  );

  // Rows.
  logic clear;
  logic front_start;
  logic front_ready;
  logic front_done;
  logic stall;
  logic pending;
  logic step;
  logic [511:0] operand;
  logic [15:0] mask;
  logic [3:0] index;
  logic [3:0] head;
  logic step_first;
  logic step_last;
  logic row_first;
  logic row_done;
  logic [7:0] weight_scale;
  pnm_front u_front (
    .clk_i, .rst_ni, .clear_i(clear), .start_i(front_start), .format_i(op_i.format), .n_i(op_i.n),
    .m_i(op_i.m), .beats_i(beats), .tail_i(op_i.k[3:0]), .valid_i(data_valid_i && phase_q != Load),
    .ready_o(front_ready), .side_i(data_side_i), .data_i, .stall_i(stall), .step_o(step),
    .pending_o(pending), .operand_o(operand), .mask_o(mask), .index_o(index), .head_o(head),
    .first_o(step_first), .last_o(step_last), .row_first_o(row_first), .row_done_o(row_done),
    .scale_o(weight_scale), .read_o(x_read), .read_index_o(x_index), .read_head_o(x_head),
    .done_o(front_done)
  );
  assign data_ready_o = phase_q == Load || front_ready;

  // Lanes and tree.
  logic weight_valid;
  logic [31:0] weight;
  logic fetch;
  logic scale;
  logic [7:0] scale_address;
  logic [3:0] scale_head;
  logic inverse_valid;
  logic [31:0] inverse;
  logic sums_valid;
  logic [511:0] sums;
  logic [4:0] sums_tag;
  logic [511:0] products;
  logic lanes_busy;
  logic value_pass;
  assign value_pass = phase_q == Value;
  pnm_lanes u_lanes (
    .clk_i, .rst_ni, .clear_i(clear), .step_i(step), .mx_i(is_mx), .broadcast_i(phase_q != Main),
    .mask_i(mask), .operand_i(operand), .x_i(x_data), .scalar_i(value_pass ? weight : inverse),
    .weight_scale_i(weight_scale),
    .address_i(phase_q == Scale ? scale_address : {head, value_pass ? index : 4'd0}),
    .first_i(value_pass ? row_first : step_first), .last_i(step_last && !value_pass),
    .tag_i({row_first, head}), .fetch_i(fetch), .scale_i(scale), .sums_valid_o(sums_valid),
    .sums_o(sums), .tag_o(sums_tag), .products_o(products), .busy_o(lanes_busy)
  );

  logic partials_valid;
  logic [511:0] partials;
  logic tree_valid;
  logic [31:0] tree_sum;
  logic [4:0] tree_tag;
  logic tree_busy;
  sum16_tree #(.TagWidth(5)) u_tree (
    .clk_i, .rst_ni, .clear_i(clear), .valid_i(sums_valid || partials_valid),
    .partials_i(partials_valid ? partials : sums), .tag_i(sums_tag), .valid_o(tree_valid),
    .sum_o(tree_sum), .tag_o(tree_tag), .busy_o(tree_busy)
  );

  // Scores and softmax.
  logic dot_valid;
  logic [31:0] score;
  logic [31:0] score_q;
  logic score_valid_q;
  logic [4:0] score_tag_q;
  logic softmax_start;
  assign dot_valid = tree_valid && phase_q == Main;
  fp32_mul u_score (
    .en_i(dot_valid && op_i.attention), .a_i(tree_sum), .b_i(op_i.factor), .product_o(score)
  );
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) score_valid_q <= 1'b0;
    else score_valid_q <= dot_valid && op_i.attention && !clear;
  end
  always_ff @(posedge clk_i) begin
    if (dot_valid) begin
      score_q <= score;
      score_tag_q <= tree_tag;
    end
  end

  pnm_softmax u_softmax (
    .clk_i, .rst_ni, .clear_i(clear), .n_i(op_i.n), .m_i(op_i.m), .score_i(score_valid_q),
    .score_first_i(score_tag_q[4]), .score_head_i(score_tag_q[3:0]), .score_value_i(score_q),
    .start_i(softmax_start), .weight_head_i(head), .weight_valid_o(weight_valid), .weight_o(weight),
    .weight_pop_i(row_done && value_pass), .tree_valid_o(partials_valid),
    .tree_partials_o(partials), .tree_valid_i(tree_valid && phase_q != Main),
    .tree_sum_i(tree_sum), .inverse_head_i(scale_head), .inverse_valid_o(inverse_valid),
    .inverse_o(inverse)
  );

  // Results.
  logic output_stall;
  logic output_start;
  logic output_done;
  pnm_output u_output (
    .clk_i, .rst_ni, .clear_i(clear), .dst_i(op_i.dst), .stride_i(op_i.stride3), .n_i(op_i.n),
    .m_i(op_i.m), .tail_i(op_i.k[2:0]), .row_beats_i(x_beats),
    .result_i(dot_valid && !op_i.attention), .result_value_i(tree_sum), .start_i(output_start),
    .fetch_o(fetch), .scale_o(scale), .address_o(scale_address), .head_o(scale_head),
    .inverse_valid_i(inverse_valid), .products_i(products), .full_i(write_full_i),
    .stall_o(output_stall), .valid_o(write_valid_o), .beat_address_o(write_address_o),
    .beat_o(write_data_o), .strobe_o(write_strobe_o), .done_o(output_done)
  );
  assign stall = value_pass ? !weight_valid : !op_i.attention && output_stall;

  // Phases.
  logic main_drained;
  logic value_drained;
  assign main_drained = front_done && !lanes_busy && !tree_busy && !score_valid_q;
  assign value_drained = front_done && !lanes_busy;
  assign softmax_start = phase_q == Main && op_i.attention && main_drained;
  assign front_start = load_last || softmax_start;
  assign output_start = value_pass && value_drained;
  assign clear = phase_q == Idle || phase_q == Abort;
  assign flush_o = phase_q == Abort;
  assign outcome_o = outcome_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      phase_q <= Idle;
      request_q <= RequestNone;
      outcome_q <= '0;
      done_o <= 1'b0;
      x_row_q <= '0;
      x_beat_q <= '0;
    end else begin
      done_o <= 1'b0;
      if (cmd_valid_o && cmd_ready_i) begin
        unique case (request_q)
          RequestX: request_q <= RequestMain;
          RequestMain: request_q <= op_i.attention ? RequestValue : RequestNone;
          default: request_q <= RequestNone;
        endcase
      end
      if (load) begin
        x_beat_q <= load_row_last ? '0 : x_beat_q + 11'd1;
        if (load_row_last) x_row_q <= x_row_q + 4'd1;
      end
      unique case (phase_q)
        Idle: begin
          x_row_q <= '0;
          x_beat_q <= '0;
          outcome_q <= '0;
          if (start_i) begin
            phase_q <= Load;
            request_q <= RequestX;
          end
        end
        Load: if (load_last) phase_q <= Main;
        Main: begin
          if (softmax_start) phase_q <= Value;
          else if (!op_i.attention && output_done) phase_q <= Finish;
        end
        Value: if (output_start) phase_q <= Scale;
        Scale: if (output_done) phase_q <= Finish;
        Finish: begin
          if (writer_idle_i) begin
            phase_q <= Idle;
            done_o <= 1'b1;
          end
        end
        default: begin  // Abort
          if (reader_idle_i && writer_idle_i) begin
            phase_q <= Idle;
            done_o <= 1'b1;
          end
        end
      endcase
      if (fault && phase_q != Idle && phase_q != Abort) begin
        phase_q <= Abort;
        done_o <= 1'b0;
        request_q <= RequestNone;
        outcome_q <= reader_fault_i ? reader_outcome_i : writer_outcome_i;
      end
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    assert (!(sums_valid && partials_valid)) else $error("both users of the tree");
    assert (!(data_valid_i && data_ready_o && data_side_i && !is_mx))
    else $error("stray scale beat");
    assert (!(pending && phase_q != Main && phase_q != Value && !clear))
    else $error("step outside a pass");
  end
`endif

endmodule
