// Binder's numbers and layouts, out of the kernel's own header, in a form that Swift's importer
// understands. Constants only: nothing here needs code.
#ifndef BINDER_PROTOCOL_H
#define BINDER_PROTOCOL_H

#include <linux/android/binder.h>
#include <stddef.h>
#include <stdint.h>

// Commands and returns: the enumerators of the header, as 32-bit numbers.
enum bb_bc : uint32_t {
  bb_bc_transaction = BC_TRANSACTION,
  bb_bc_reply = BC_REPLY,
  bb_bc_free_buffer = BC_FREE_BUFFER,
  bb_bc_increfs = BC_INCREFS,
  bb_bc_acquire = BC_ACQUIRE,
  bb_bc_release = BC_RELEASE,
  bb_bc_decrefs = BC_DECREFS,
  bb_bc_increfs_done = BC_INCREFS_DONE,
  bb_bc_acquire_done = BC_ACQUIRE_DONE,
  bb_bc_register_looper = BC_REGISTER_LOOPER,
  bb_bc_enter_looper = BC_ENTER_LOOPER,
  bb_bc_exit_looper = BC_EXIT_LOOPER,
  bb_bc_request_death_notification = BC_REQUEST_DEATH_NOTIFICATION,
  bb_bc_clear_death_notification = BC_CLEAR_DEATH_NOTIFICATION,
  bb_bc_dead_binder_done = BC_DEAD_BINDER_DONE,
  bb_bc_transaction_sg = BC_TRANSACTION_SG,
  bb_bc_reply_sg = BC_REPLY_SG,
  // Linux 6.12. Enumerators of newer headers only, which a macro cannot find out.
  bb_bc_request_freeze_notification = _IOW('c', 19, struct binder_handle_cookie),
  bb_bc_clear_freeze_notification = _IOW('c', 20, struct binder_handle_cookie),
  bb_bc_freeze_notification_done = _IOW('c', 21, binder_uintptr_t),
};

// As `struct binder_frozen_state_info` of Linux 6.12.
struct bb_frozen_state {
  binder_uintptr_t cookie;
  uint32_t is_frozen;
  uint32_t reserved;
};

enum bb_br : uint32_t {
  bb_br_ok = BR_OK,
  bb_br_transaction_sec_ctx = BR_TRANSACTION_SEC_CTX,
  bb_br_transaction = BR_TRANSACTION,
  bb_br_reply = BR_REPLY,
  bb_br_dead_reply = BR_DEAD_REPLY,
  bb_br_transaction_complete = BR_TRANSACTION_COMPLETE,
  bb_br_increfs = BR_INCREFS,
  bb_br_acquire = BR_ACQUIRE,
  bb_br_release = BR_RELEASE,
  bb_br_decrefs = BR_DECREFS,
  bb_br_noop = BR_NOOP,
  bb_br_spawn_looper = BR_SPAWN_LOOPER,
  bb_br_dead_binder = BR_DEAD_BINDER,
  bb_br_clear_death_notification_done = BR_CLEAR_DEATH_NOTIFICATION_DONE,
  bb_br_failed_reply = BR_FAILED_REPLY,
  bb_br_frozen_reply = BR_FROZEN_REPLY,
  bb_br_oneway_spam_suspect = BR_ONEWAY_SPAM_SUSPECT,
  // Linux 6.12, as above.
  bb_br_transaction_pending_frozen = _IO('r', 20),
  bb_br_frozen_binder = _IOR('r', 21, struct bb_frozen_state),
  bb_br_clear_freeze_notification_done = _IOR('r', 22, binder_uintptr_t),
};

enum bb_ioctl : uint32_t {
  bb_ioctl_write_read = BINDER_WRITE_READ,
  bb_ioctl_set_max_threads = BINDER_SET_MAX_THREADS,
  bb_ioctl_set_context_mgr = BINDER_SET_CONTEXT_MGR,
  bb_ioctl_thread_exit = BINDER_THREAD_EXIT,
  bb_ioctl_version = BINDER_VERSION,
  bb_ioctl_get_node_debug_info = BINDER_GET_NODE_DEBUG_INFO,
  bb_ioctl_get_node_info_for_ref = BINDER_GET_NODE_INFO_FOR_REF,
  bb_ioctl_set_context_mgr_ext = BINDER_SET_CONTEXT_MGR_EXT,
  bb_ioctl_freeze = BINDER_FREEZE,
  bb_ioctl_get_frozen_info = BINDER_GET_FROZEN_INFO,
  bb_ioctl_enable_oneway_spam_detection = BINDER_ENABLE_ONEWAY_SPAM_DETECTION,
  bb_ioctl_get_extended_error = BINDER_GET_EXTENDED_ERROR,
};

enum bb_type : uint32_t {
  bb_type_binder = BINDER_TYPE_BINDER,
  bb_type_weak_binder = BINDER_TYPE_WEAK_BINDER,
  bb_type_handle = BINDER_TYPE_HANDLE,
  bb_type_weak_handle = BINDER_TYPE_WEAK_HANDLE,
  bb_type_fd = BINDER_TYPE_FD,
  bb_type_fda = BINDER_TYPE_FDA,
  bb_type_ptr = BINDER_TYPE_PTR,
};

enum bb_flag : uint32_t {
  bb_flag_accepts_fds = FLAT_BINDER_FLAG_ACCEPTS_FDS,
  bb_flag_security_context = FLAT_BINDER_FLAG_TXN_SECURITY_CTX,
  bb_flag_has_parent = BINDER_BUFFER_FLAG_HAS_PARENT,
  bb_tf_one_way = TF_ONE_WAY,
  bb_tf_accept_fds = TF_ACCEPT_FDS,
  bb_tf_clear_buf = TF_CLEAR_BUF,
  bb_tf_update_txn = TF_UPDATE_TXN,
};

// Where the fields of a structure lie, and how long it is, in bytes.
enum {
  bb_protocol_version = BINDER_CURRENT_PROTOCOL_VERSION,

  bb_td_target = offsetof(struct binder_transaction_data, target),
  bb_td_cookie = offsetof(struct binder_transaction_data, cookie),
  bb_td_code = offsetof(struct binder_transaction_data, code),
  bb_td_flags = offsetof(struct binder_transaction_data, flags),
  bb_td_sender_pid = offsetof(struct binder_transaction_data, sender_pid),
  bb_td_sender_euid = offsetof(struct binder_transaction_data, sender_euid),
  bb_td_data_size = offsetof(struct binder_transaction_data, data_size),
  bb_td_offsets_size = offsetof(struct binder_transaction_data, offsets_size),
  bb_td_buffer = offsetof(struct binder_transaction_data, data.ptr.buffer),
  bb_td_offsets = offsetof(struct binder_transaction_data, data.ptr.offsets),
  bb_td_size = sizeof(struct binder_transaction_data),
  bb_td_sg_buffers_size = offsetof(struct binder_transaction_data_sg, buffers_size),
  bb_td_sg_size = sizeof(struct binder_transaction_data_sg),
  bb_td_secctx = offsetof(struct binder_transaction_data_secctx, secctx),
  bb_td_secctx_size = sizeof(struct binder_transaction_data_secctx),

  bb_object_type = offsetof(struct binder_object_header, type),
  bb_object_header_size = sizeof(struct binder_object_header),
  bb_flat_flags = offsetof(struct flat_binder_object, flags),
  bb_flat_binder = offsetof(struct flat_binder_object, binder),
  bb_flat_handle = offsetof(struct flat_binder_object, handle),
  bb_flat_cookie = offsetof(struct flat_binder_object, cookie),
  bb_flat_size = sizeof(struct flat_binder_object),
  bb_fd_fd = offsetof(struct binder_fd_object, fd),
  bb_fd_pad = offsetof(struct binder_fd_object, pad_binder),
  bb_fd_size = sizeof(struct binder_fd_object),
  bb_ptr_flags = offsetof(struct binder_buffer_object, flags),
  bb_ptr_buffer = offsetof(struct binder_buffer_object, buffer),
  bb_ptr_length = offsetof(struct binder_buffer_object, length),
  bb_ptr_parent = offsetof(struct binder_buffer_object, parent),
  bb_ptr_parent_offset = offsetof(struct binder_buffer_object, parent_offset),
  bb_ptr_size = sizeof(struct binder_buffer_object),
  bb_fda_num_fds = offsetof(struct binder_fd_array_object, num_fds),
  bb_fda_parent = offsetof(struct binder_fd_array_object, parent),
  bb_fda_parent_offset = offsetof(struct binder_fd_array_object, parent_offset),
  bb_fda_size = sizeof(struct binder_fd_array_object),

  bb_node_debug_ptr = offsetof(struct binder_node_debug_info, ptr),
  bb_node_debug_cookie = offsetof(struct binder_node_debug_info, cookie),
  bb_node_debug_strong = offsetof(struct binder_node_debug_info, has_strong_ref),
  bb_node_debug_weak = offsetof(struct binder_node_debug_info, has_weak_ref),
  bb_node_debug_size = sizeof(struct binder_node_debug_info),
  bb_node_ref_handle = offsetof(struct binder_node_info_for_ref, handle),
  bb_node_ref_strong = offsetof(struct binder_node_info_for_ref, strong_count),
  bb_node_ref_weak = offsetof(struct binder_node_info_for_ref, weak_count),
  bb_node_ref_reserved = offsetof(struct binder_node_info_for_ref, reserved1),
  bb_node_ref_size = sizeof(struct binder_node_info_for_ref),
  bb_freeze_pid = offsetof(struct binder_freeze_info, pid),
  bb_freeze_enable = offsetof(struct binder_freeze_info, enable),
  bb_freeze_timeout = offsetof(struct binder_freeze_info, timeout_ms),
  bb_freeze_size = sizeof(struct binder_freeze_info),
  bb_frozen_pid = offsetof(struct binder_frozen_status_info, pid),
  bb_frozen_sync = offsetof(struct binder_frozen_status_info, sync_recv),
  bb_frozen_async = offsetof(struct binder_frozen_status_info, async_recv),
  bb_frozen_size = sizeof(struct binder_frozen_status_info),
  bb_error_id = offsetof(struct binder_extended_error, id),
  bb_error_command = offsetof(struct binder_extended_error, command),
  bb_error_param = offsetof(struct binder_extended_error, param),
  bb_error_size = sizeof(struct binder_extended_error),
  bb_write_read_size = sizeof(struct binder_write_read),
};

#endif
