internal import CLinuxShims
public import PageAlloc

/// What an ioctl of the device does with its argument.
public struct IoctlArgument: Hashable, Sendable {
  /// In bytes.
  public let size: Int
  /// The driver reads it.
  public let isRead: Bool
  /// The driver writes it, when all went well.
  public let isWritten: Bool
  /// What a pointer that cannot be read or written gives (recording `ioctl-errors`).
  public let badPointer: Errno
}

extension Driver {
  /// The number of `BINDER_WRITE_READ`, whose parts are `perform`, `finish` and `read`.
  public static var writeRead: UInt32 { bb_ioctl_write_read.rawValue }
  /// The number of `BINDER_FREEZE`, whose parts are `beginFreeze` and `endFreeze`.
  public static var freeze: UInt32 { bb_ioctl_freeze.rawValue }
  /// The longest argument of all ioctls, in bytes.
  public static var longestArgument: Int { bb_write_read_size }

  /// The argument of an ioctl; nil for an unknown one, which gives `EINVAL`.
  public static func argument(of request: UInt32) -> IoctlArgument? {
    switch request {
    case bb_ioctl_write_read.rawValue:
      IoctlArgument(
        size: bb_write_read_size, isRead: true, isWritten: true, badPointer: .badAddress)
    case bb_ioctl_set_max_threads.rawValue:
      IoctlArgument(size: 4, isRead: true, isWritten: false, badPointer: .invalidArgument)
    case bb_ioctl_set_context_mgr.rawValue, bb_ioctl_thread_exit.rawValue:
      IoctlArgument(size: 0, isRead: false, isWritten: false, badPointer: .badAddress)
    case bb_ioctl_version.rawValue:
      IoctlArgument(size: 4, isRead: false, isWritten: true, badPointer: .invalidArgument)
    case bb_ioctl_get_node_debug_info.rawValue:
      IoctlArgument(
        size: bb_node_debug_size, isRead: true, isWritten: true, badPointer: .badAddress)
    case bb_ioctl_get_node_info_for_ref.rawValue:
      IoctlArgument(size: bb_node_ref_size, isRead: true, isWritten: true, badPointer: .badAddress)
    case bb_ioctl_set_context_mgr_ext.rawValue:
      IoctlArgument(
        size: bb_flat_size, isRead: true, isWritten: false, badPointer: .invalidArgument)
    case bb_ioctl_freeze.rawValue:
      IoctlArgument(size: bb_freeze_size, isRead: true, isWritten: false, badPointer: .badAddress)
    case bb_ioctl_get_frozen_info.rawValue:
      IoctlArgument(size: bb_frozen_size, isRead: true, isWritten: true, badPointer: .badAddress)
    case bb_ioctl_enable_oneway_spam_detection.rawValue:
      IoctlArgument(size: 4, isRead: true, isWritten: false, badPointer: .badAddress)
    case bb_ioctl_get_extended_error.rawValue:
      IoctlArgument(size: bb_error_size, isRead: false, isWritten: true, badPointer: .badAddress)
    default: nil
    }
  }
}
