internal import CLinuxShims

/// The numbers of commands (`BC_…`), as the kernel's header defines them.
enum BC {
  static var transaction: UInt32 { bb_bc_transaction.rawValue }
  static var reply: UInt32 { bb_bc_reply.rawValue }
  static var freeBuffer: UInt32 { bb_bc_free_buffer.rawValue }
  static var increfs: UInt32 { bb_bc_increfs.rawValue }
  static var acquire: UInt32 { bb_bc_acquire.rawValue }
  static var release: UInt32 { bb_bc_release.rawValue }
  static var decrefs: UInt32 { bb_bc_decrefs.rawValue }
  static var increfsDone: UInt32 { bb_bc_increfs_done.rawValue }
  static var acquireDone: UInt32 { bb_bc_acquire_done.rawValue }
  static var registerLooper: UInt32 { bb_bc_register_looper.rawValue }
  static var enterLooper: UInt32 { bb_bc_enter_looper.rawValue }
  static var exitLooper: UInt32 { bb_bc_exit_looper.rawValue }
  static var requestDeath: UInt32 { bb_bc_request_death_notification.rawValue }
  static var clearDeath: UInt32 { bb_bc_clear_death_notification.rawValue }
  static var deadBinderDone: UInt32 { bb_bc_dead_binder_done.rawValue }
  static var transactionSG: UInt32 { bb_bc_transaction_sg.rawValue }
  static var replySG: UInt32 { bb_bc_reply_sg.rawValue }
  static var requestFreeze: UInt32 { bb_bc_request_freeze_notification.rawValue }
  static var clearFreeze: UInt32 { bb_bc_clear_freeze_notification.rawValue }
  static var freezeDone: UInt32 { bb_bc_freeze_notification_done.rawValue }
}

/// The numbers of returns (`BR_…`), as the kernel's header defines them.
enum BR {
  static var ok: UInt32 { bb_br_ok.rawValue }
  static var transactionSecurityContext: UInt32 { bb_br_transaction_sec_ctx.rawValue }
  static var transaction: UInt32 { bb_br_transaction.rawValue }
  static var reply: UInt32 { bb_br_reply.rawValue }
  static var deadReply: UInt32 { bb_br_dead_reply.rawValue }
  static var complete: UInt32 { bb_br_transaction_complete.rawValue }
  static var increfs: UInt32 { bb_br_increfs.rawValue }
  static var acquire: UInt32 { bb_br_acquire.rawValue }
  static var release: UInt32 { bb_br_release.rawValue }
  static var decrefs: UInt32 { bb_br_decrefs.rawValue }
  static var noop: UInt32 { bb_br_noop.rawValue }
  static var spawnLooper: UInt32 { bb_br_spawn_looper.rawValue }
  static var deadBinder: UInt32 { bb_br_dead_binder.rawValue }
  static var clearDeathDone: UInt32 { bb_br_clear_death_notification_done.rawValue }
  static var failedReply: UInt32 { bb_br_failed_reply.rawValue }
  static var frozenReply: UInt32 { bb_br_frozen_reply.rawValue }
  static var onewaySpam: UInt32 { bb_br_oneway_spam_suspect.rawValue }
  static var pendingFrozen: UInt32 { bb_br_transaction_pending_frozen.rawValue }
  static var frozenBinder: UInt32 { bb_br_frozen_binder.rawValue }
  static var clearFreezeDone: UInt32 { bb_br_clear_freeze_notification_done.rawValue }
}

/// The types of objects in a message (`BINDER_TYPE_…`).
enum ObjectType {
  static var binder: UInt32 { bb_type_binder.rawValue }
  static var weakBinder: UInt32 { bb_type_weak_binder.rawValue }
  static var handle: UInt32 { bb_type_handle.rawValue }
  static var weakHandle: UInt32 { bb_type_weak_handle.rawValue }
  static var file: UInt32 { bb_type_fd.rawValue }
  static var fileArray: UInt32 { bb_type_fda.rawValue }
  static var pointer: UInt32 { bb_type_ptr.rawValue }

  /// The bytes of an object of this type; nil when it is none.
  static func size(of type: UInt32) -> Int? {
    switch type {
    case binder, weakBinder, handle, weakHandle: bb_flat_size
    case file: bb_fd_size
    case fileArray: bb_fda_size
    case pointer: bb_ptr_size
    default: nil
    }
  }
}

/// Flags of transactions (`TF_…`) and of objects (`FLAT_BINDER_FLAG_…`).
enum WireFlag {
  static var oneway: UInt32 { bb_tf_one_way.rawValue }
  static var acceptsFiles: UInt32 { bb_tf_accept_fds.rawValue }
  static var clear: UInt32 { bb_tf_clear_buf.rawValue }
  static var update: UInt32 { bb_tf_update_txn.rawValue }
  static var nodeAcceptsFiles: UInt32 { bb_flag_accepts_fds.rawValue }
  static var nodeWantsContext: UInt32 { bb_flag_security_context.rawValue }
  static var hasParent: UInt32 { bb_flag_has_parent.rawValue }
}

/// The 8-byte words of the protocol, rounded up to.
@inline(__always)
func roundedUp8(_ size: Int) -> Int { (size &+ 7) & ~7 }
