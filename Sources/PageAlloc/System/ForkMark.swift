internal import CLinuxShims

/// Remembers which process made something, to tell a forked child's copy from the original.
///
/// Memory that two processes share must be changed by one of them only: the one that made it. The
/// child's copies of its owners look alike, but are to be inert.
package struct ForkMark: Sendable, BitwiseCopyable {
  private let maker = bb_fork_number()

  package init() {}

  /// Whether this process is a child of the one that made the mark. Two loads and a comparison.
  @inline(__always)
  package var isInherited: Bool { bb_is_inherited(maker) }
}
