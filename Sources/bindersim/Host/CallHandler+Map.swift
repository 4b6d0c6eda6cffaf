internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// Mapping a region.
extension HostTable {
  func map(_ call: HostedCall) {
    // The mapping that the host makes in a thread is notified too.
    guard call.descriptor(at: 4) >= 0, !isMapping(call.thread),
      let open = open(call.descriptor(at: 4), of: call.thread)
    else { return call.pass() }
    putBack(open, call)
    var work = DeviceWork()
    defer { finish(work) }
    guard let thread = thread(call) else {
      call.fail(ESRCH)
      return
    }
    let length = Int(clamping: call.arguments.1)
    let protection = CInt(truncatingIfNeeded: call.arguments.2)
    do throws(Errno) {
      guard length > 0 else { throw .invalidArgument }
      let region: OwnedDescriptor
      if let pending = open.pendingRegion {
        region = pending
      } else {
        region = try reserve(length, protection, open, thread, &work)
        open.pendingRegion = region
      }
      if !mapDirectly(region, call, open, thread) { mapInPlace(region, call, open) }
    } catch {
      call.fail(error.rawValue)
    }
  }

  private func reserve(
    _ length: Int, _ protection: CInt, _ open: HostedOpen, _ thread: HostedThread,
    _ work: inout DeviceWork
  ) throws(Errno) -> OwnedDescriptor {
    let length = min(Self.pages(length), regionLimit)
    guard length <= limits.memory - held(by: open.owner).memory else {
      noteLimit("memory", open.owner)
      throw .noMemory
    }
    let file = try open.device.step(&work) { (driver) throws(Errno) in
      _ = try driver.map(
        open.process, length: length, writable: protection & PROT_WRITE != 0,
        caller: thread.process.pid)
      return try driver.readOnlyDescriptor(open.process)
    }
    let region = OwnedDescriptor(file)
    guard let identity = OpenFileID(own: file) else { throw .noMemory }
    let watch = bb_watch_add(watcher.raw, file)
    guard watch >= 0 else { throw Errno(rawValue: -watch) }
    open.mapped(identity, length: length, watch: watch)
    add(region: identity, watch: watch, of: open)
    return region
  }

  private static func pages(_ length: Int) -> Int {
    min(length, .max - Page.size) / Page.size * Page.size
      + (length % Page.size == 0 ? 0 : Page.size)
  }

  /// Makes the mapping in the stopped thread: shared, so that nothing can make it writable, and at
  /// the start of the region, whatever offset was asked for.
  private func mapDirectly(
    _ region: OwnedDescriptor, _ call: HostedCall, _ open: HostedOpen, _ thread: HostedThread
  ) -> Bool {
    guard bb_remote_seize(call.thread) == 0 else { return false }
    let number = call.give(region.raw)
    guard number >= 0 else {
      bb_remote_release(call.thread)
      return true
    }
    let kind = UInt64(MAP_TYPE)
    let flags = call.arguments.3 & ~kind | UInt64(MAP_SHARED)
    beginMapping(call.thread)
    var address: Int64 = 0
    var signals = bb_held_signals()
    let result = unsafe bb_remote_map(
      call.thread, call.arguments.0, call.arguments.1, flags, number, &address, &signals)
    // Otherwise the thread is gone, or took a signal before it was stopped and calls again.
    if result == 0 { open.pendingRegion = nil }
    if result == 0, address > 0 { setAddress(UInt64(address), of: open) }
    // All of this before it goes on: its next call may be the next mmap.
    endMapping(call.thread)
    unsafe bb_remote_let_go(call.thread, &signals)
    return true
  }

  /// Somebody else traces the thread, a debugger perhaps: the region's file takes the place of the
  /// program's own for as long as the kernel makes the mapping. The program's next call puts its
  /// own back.
  private func mapInPlace(_ region: OwnedDescriptor, _ call: HostedCall, _ open: HostedOpen) {
    let number = call.descriptor(at: 4)
    guard let thread = thread(call) else {
      call.fail(ESRCH)
      return
    }
    let own = bb_pidfd_get(thread.process.pidfd.raw, number)
    guard own >= 0 else {
      call.fail(-own)
      return
    }
    open.hold(OwnedDescriptor(own), closeOnExec: true)
    let placed = call.give(region.raw, at: number)
    if placed >= 0 { open.pendingRegion = nil }
    if placed < 0 { call.fail(-placed) } else { call.pass() }
  }

  /// Puts the program's own file back where the region's stands in for it.
  func putBack(_ open: HostedOpen, _ call: HostedCall) {
    guard let (file, closeOnExec) = open.takeHeld() else { return }
    let number =
      call.kind == bb_call_map ? call.descriptor(at: 4) : call.descriptor
    _ = call.give(file.raw, at: number, closeOnExec: closeOnExec)
    if let address = regionAddress(open, of: call.thread) { setAddress(address, of: open) }
    descriptorsChanged()
  }

  private func setAddress(_ address: UInt64, of open: HostedOpen) {
    var work = DeviceWork()
    open.device.step(&work) { try? $0.setRegionAddress(open.process, address) }
    finish(work)
  }

  /// Where the kernel put the mapping, out of the list of mappings.
  private func regionAddress(_ open: HostedOpen, of thread: pid_t) -> UInt64? {
    guard let inode = open.regionIdentity?.inode,
      let file = unsafe fopen("/proc/\(thread)/maps", "re")
    else { return nil }
    defer { unsafe fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { unsafe free(line) }
    while unsafe getline(&line, &capacity, file) > 0, let text = unsafe line {
      // start-end permissions offset device inode path
      let words = unsafe String(cString: text).split(separator: " ", maxSplits: 5)
      guard words.count >= 5, UInt64(words[4]) == inode else { continue }
      return words[0].split(separator: "-").first.flatMap { UInt64($0, radix: 16) }
    }
    return nil
  }
}

extension HostedCall {
  /// The argument of that place, which is a descriptor.
  func descriptor(at index: Int) -> CInt {
    CInt(truncatingIfNeeded: index == 4 ? arguments.4 : arguments.0)
  }
}
