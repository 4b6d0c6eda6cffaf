internal import CLinuxShims
internal import Glibc

/// A forked process that sends a payload whenever it gets a byte.
///
/// Fork it before this process has other threads: only the calling thread exists in the child.
struct Peer: ~Copyable {
  let pid: Int32
  let isPinned: Bool
  /// A request is written to one and the answer read from the other: one socket, or two pipes.
  private let asking: CInt
  private let answers: CInt

  /// The payloads, one for each size: at the same address in this process and in the child.
  nonisolated(unsafe) private static var payloads: [Int: UnsafeMutableRawPointer] = unsafe [:]

  static func payload(_ bytes: Int) -> UInt {
    if let known = unsafe payloads[bytes] { return UInt(bitPattern: known) }
    let made = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    unsafe made.initializeMemory(as: UInt8.self, repeating: 0x5A, count: bytes)
    unsafe payloads[bytes] = made
    return UInt(bitPattern: made)
  }

  init(_ transport: TransportBenchmark.Transport, bytes: Int, isPinned: Bool)
    throws(CommandError)
  {
    self.isPinned = isPinned
    let (mine, theirs) = try Self.channel(transport)
    let payload = unsafe UnsafeRawPointer(bitPattern: Self.payload(bytes))!
    let child = fork()
    guard child >= 0 else { throw .failure("no second process: \(SystemError.message(errno))") }
    guard child > 0 else {
      Self.closeBoth(mine)
      if isPinned { CPUAffinity.pin(to: 0) }
      let count = transport == .vmReadv ? 1 : bytes
      // SAFETY: the payload was copied with the rest of the process.
      unsafe Self.serve(theirs, UnsafeRawBufferPointer(start: payload, count: count))
    }
    Self.closeBoth(theirs)
    (asking, answers) = (mine.write, mine.read)
    pid = child
  }

  deinit {
    // The child exits when nobody can ask any more.
    Self.closeBoth((answers, asking))
    var status: CInt = 0
    unsafe waitpid(pid, &status, 0)
  }

  private typealias Ends = (read: CInt, write: CInt)

  private static func closeBoth(_ ends: Ends) {
    close(ends.read)
    if ends.write != ends.read { close(ends.write) }
  }

  private static func channel(_ transport: TransportBenchmark.Transport) throws(CommandError)
    -> (mine: Ends, theirs: Ends)
  {
    var first: [CInt] = [-1, -1]
    var second: [CInt] = [-1, -1]
    if transport == .pipe {
      guard unsafe pipe(&first) == 0, unsafe pipe(&second) == 0 else { throw noChannel }
      let (mine, theirs) = ((first[0], second[1]), (second[0], first[1]))
      return (mine: mine, theirs: theirs)
    }
    let type = transport == .seqpacket ? SOCK_SEQPACKET : SOCK_STREAM
    guard unsafe socketpair(AF_UNIX, CInt(type.rawValue), 0, &first) == 0 else { throw noChannel }
    return (mine: (first[0], first[0]), theirs: (first[1], first[1]))
  }

  private static var noChannel: CommandError {
    .failure("no channel to a second process: \(SystemError.message(errno))")
  }

  /// The child: never returns.
  private static func serve(_ ends: Ends, _ payload: UnsafeRawBufferPointer) -> Never {
    var byte: UInt8 = 0
    while unsafe Glibc.read(ends.read, &byte, 1) == 1 {
      guard unsafe Descriptor.writeAll(payload, to: ends.write, inPiecesOf: longestPiece) else {
        break
      }
    }
    _exit(0)
  }

  /// The largest record of a packet socket, in bytes.
  private static var longestPiece: Int { 64 << 10 }

  func ask() -> Bool {
    var byte: UInt8 = 1
    return unsafe write(asking, &byte, 1) == 1
  }

  func read(_ target: UnsafeMutableRawBufferPointer) -> Bool {
    unsafe Descriptor.fill(target, from: answers)
  }
}

/// The processors that the calling thread may run on.
enum CPUAffinity {
  static func pin(to processor: CInt) { _ = bb_pin_thread(processor) }
  static func release() { _ = bb_unpin_thread() }

}
