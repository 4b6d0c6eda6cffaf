internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// A sending program as the driver sees it: its memory, its descriptors, its user.
@safe struct SenderAccess: BinderBuffer.SenderMemory {
  private let memory: ProcessMemory
  private let process: HostedProcess
  private let owner: HostedProcess
  /// Commands that were read together with the arguments of the call.
  private let fetched: UnsafeRawBufferPointer
  private let fetchedAddress: UInt64
  /// Commands are read, not messages.
  var readsCommands = true

  /// - Parameter fetched: the program's bytes at `address`; valid as long as this value is used.
  init(
    _ thread: HostedThread, owner: HostedProcess, fetched: UnsafeRawBufferPointer,
    at address: UInt64
  ) {
    memory = thread.memory
    process = thread.process
    self.owner = owner
    unsafe self.fetched = fetched
    fetchedAddress = address
  }

  mutating func copy(_ pieces: UnsafeBufferPointer<CopyPiece>) -> Int {
    if readsCommands, pieces.count == 1, unsafe copyFetched(pieces[0]) {
      return unsafe pieces[0].target.count
    }
    var copied = 0
    var index = 0
    while index < pieces.count {
      // Several pieces in one call, each byte once.
      var wanted = 0
      let count = min(pieces.count - index, 16)
      let got = unsafe withUnsafeTemporaryAllocation(of: bb_part.self, capacity: count) { parts in
        for i in 0..<count {
          let piece = unsafe pieces[index + i]
          unsafe parts.initializeElement(
            at: i,
            to: bb_part(
              local: piece.target.baseAddress, remote: UInt(piece.address),
              length: piece.target.count))
          wanted += unsafe piece.target.count
        }
        return wanted == 0 ? 0 : unsafe memory.read(UnsafeBufferPointer(parts))
      }
      copied += got
      if got < wanted { break }
      index += count
    }
    return copied
  }

  private func copyFetched(_ piece: CopyPiece) -> Bool {
    let address = unsafe piece.address
    let length = unsafe piece.target.count
    guard address >= fetchedAddress, unsafe address - fetchedAddress <= UInt64(fetched.count),
      unsafe length <= fetched.count - Int(address - fetchedAddress)
    else { return false }
    unsafe piece.target.copyMemory(
      from: UnsafeRawBufferPointer(
        rebasing: fetched[Int(address - fetchedAddress)...].prefix(length)))
    return true
  }

  mutating func takeFile(_ descriptor: Int32) throws(Errno) -> FileToken {
    let own = bb_pidfd_get(process.pidfd.raw, descriptor)
    guard own >= 0 else { throw Errno(rawValue: -own) }
    return FileToken(rawValue: own)
  }

  mutating func effectiveUser() -> UInt32 { owner.effectiveUser ?? process.effectiveUser ?? 0 }
}
