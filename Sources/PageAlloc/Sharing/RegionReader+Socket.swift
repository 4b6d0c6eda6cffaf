internal import CLinuxShims
internal import Glibc

/// A region's descriptor on its way to another process.
extension RegionReader {
  private static let mark = UInt8(ascii: "R")

  /// Sends a descriptor of a region over a connected Unix socket. It stays the caller's, who may close
  /// it at once.
  ///
  /// Needs no right but the socket. One byte goes with it, which `init(receivingFrom:)` takes.
  ///
  /// - Throws: `PageAllocError.system`: EPIPE when the other side is gone, EBADF for what is no
  ///   descriptor.
  public static func send(_ descriptor: Int32, over socket: Int32) throws(PageAllocError) {
    var byte = mark
    // SAFETY: the byte outlives the call.
    let result = unsafe bb_send_descriptor(socket, descriptor, &byte, 1)
    guard result >= 0 else { throw .system(.send, Errno(rawValue: -result)) }
  }

  /// Waits for a descriptor that `send` sends on the other side of a Unix socket, and maps its region.
  ///
  /// - Parameter byteCount: how long the region must be; nil for any length.
  /// - Throws: as `init(adopting:byteCount:)`; `PageAllocError.system` for what receiving fails with:
  ///   EPIPE when the other side is gone, EPROTO when it sent something else.
  public init(receivingFrom socket: Int32, byteCount: Int? = nil) throws(PageAllocError) {
    var byte: UInt8 = 0
    var descriptor: CInt = -1
    // SAFETY: both outlive the call.
    let got = unsafe bb_receive_descriptor(socket, &byte, 1, &descriptor)
    guard got >= 0 else { throw .system(.receive, Errno(rawValue: CInt(-got))) }
    // Owned from here on: closed where the next line throws.
    let file = FileDescriptor(raw: descriptor)
    guard got == 1, byte == Self.mark, !file.isNone else {
      throw .system(.receive, got == 0 ? .brokenPipe : .protocolError)
    }
    try self.init(adopting: file.take(), byteCount: byteCount)
  }
}

extension UserSlice {
  /// Runs `body` with where bytes of this process lie: numbers, to be told to another process, which
  /// makes a slice of them and copies. The bytes stay in place until `body` returns, so `body` waits
  /// until the other process has copied.
  @inlinable
  public static func withAddress<R: ~Copyable, E: Error>(
    of bytes: Span<UInt8>, _ body: (_ address: UInt, _ length: Int) throws(E) -> R
  ) throws(E) -> R {
    // SAFETY: the address leaves as a number, through which nothing in this process can be reached.
    try unsafe bytes.withUnsafeBufferPointer { (bytes) throws(E) -> R in
      try body(UInt(bitPattern: bytes.baseAddress), bytes.count)
    }
  }
}
