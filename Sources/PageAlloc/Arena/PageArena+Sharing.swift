internal import CLinuxShims

extension PageArena {
  /// A new descriptor of the memory that can only be read and mapped read-only. The caller closes
  /// it; it is closed on exec, so pass it over a socket, or clear that flag in a forked child.
  ///
  /// - Throws: `PageAllocError.invalidArgument(.notExportable)` if `inProcess`; `.system` if
  ///   descriptors are used up or `/proc` is not there.
  public func readOnlyDescriptor() throws(PageAllocError) -> CInt {
    guard sharing != .inProcess else { throw .invalidArgument(.notExportable, value: pageCount) }
    if faults?.check(.descriptor) == true { throw .injected(.descriptor) }
    return try file.reopenReadOnly().take()
  }

  /// Makes a memory file safe to hand out. The driver view must be mapped already.
  static func seal(
    _ file: borrowing FileDescriptor, _ sharing: RegionSharing
  ) throws(PageAllocError) {
    // Nobody but this user may open it for writing.
    try file.changeMode(0o600)
    // The length is fixed: touching a page of the file can then never raise SIGBUS.
    var seals = bb_SEAL_GROW | bb_SEAL_SHRINK | bb_SEAL_SEAL
    if sharing == .exportableSealed { seals |= bb_SEAL_FUTURE_WRITE }
    try file.addSeals(seals)
  }
}
