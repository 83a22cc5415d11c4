"""Entries of config.json without influence on what a model computes, whatever its class and their value.

They name, describe, start the weights of, or configure the training, the text writing or the output of a model. Each
class has a few of its own besides (`Family.harmless`). An entry is listed only if no code of transformers computes
logits with it.
"""

_NAMES = """
    architectures model_type transformers_version _name_or_path name_or_path _commit_hash finetuning_task
    task_specific_params id2label label2id num_labels problem_type tokenizer_class transformers.js_config
    custom_pipelines model_max_length max_sequence_length max_seq_len vocab_size_or_config_json_file
    unsloth_version unsloth_fixed language revision auto_map
"""
_TRAINING = """
    initializer_range initializer_factor initializer_cutoff_factor init_std gradient_checkpointing
    classifier_dropout classifier_dropout_prob classif_dropout summary_type summary_use_proj summary_activation
    summary_proj_to_labels summary_first_dropout summary_last_dropout label_smoothing
"""
# How a model is computed, and with it rounding, but not what.
_COMPUTING = """
    dtype torch_dtype use_cache output_attentions output_hidden_states output_past output_scores return_dict
    return_dict_in_generate torchscript use_bfloat16 chunk_size_feed_forward pretraining_tp attn_implementation
    _attn_implementation _attn_implementation_autoset _attn_implementation_internal experts_implementation
    _experts_implementation deterministic_flash_attn reference_compile _flash_attn_2_enabled keys_to_ignore_at_inference
    onnx_opset fused_lm_head
"""
_SPECIAL_TOKENS = """
    pad_token_id bos_token_id eos_token_id unk_token_id mask_token_id cls_token_id sep_token_id decoder_start_token_id
    prefix
"""
# Generation, which earlier versions configured here; generation_config.json is read for it.
_GENERATION = """
    max_length min_length max_new_tokens min_new_tokens do_sample early_stopping num_beams num_beam_groups
    diversity_penalty temperature top_k top_p min_p typical_p epsilon_cutoff eta_cutoff repetition_penalty
    length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids num_return_sequences
    forced_bos_token_id forced_eos_token_id remove_invalid_values exponential_decay_length_penalty suppress_tokens
    begin_suppress_tokens force_bos_token_to_be_generated
"""
HARMLESS = frozenset(" ".join((_NAMES, _TRAINING, _COMPUTING, _SPECIAL_TOKENS, _GENERATION)).split())
