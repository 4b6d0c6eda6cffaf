internal import CLinuxShims
internal import Glibc

/// The socket by which others find a running host by its name.
///
/// One request for each connection: `join` with a listener, or `state`. The answer is text, up to
/// the end of the connection.
final class ControlSocket {
  let descriptor: CInt
  private let path: String

  enum Request {
    /// A program's listener: its calls are to be answered too.
    case listener(OwnedDescriptor, Reply)
    /// The processes of all devices.
    case state(Reply)
  }

  struct Reply {
    fileprivate let connection: OwnedDescriptor

    func send(_ text: String) { _ = Descriptor.write(text, to: connection.raw) }
  }

  init(listeningAs name: String) throws(CommandError) {
    path = try Self.path(of: name, creating: true)
    if let other = Self.connected(to: path) {
      close(other)
      throw .failure("a host named '\(name)' is running already")
    }
    unsafe unlink(path)
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    let bound = unsafe Self.withAddress(path) { address, length in
      unsafe bind(raw, address, length)
    }
    guard raw >= 0, bound == 0, listen(raw, 16) == 0 else {
      let error = errno
      close(raw)
      throw .failure("cannot listen at '\(path)': \(SystemError.message(error))")
    }
    descriptor = raw
  }

  deinit {
    close(descriptor)
    unsafe unlink(path)
  }

  func accept() -> Request? {
    let raw = bb_accept(descriptor)
    guard raw >= 0 else { return nil }
    let connection = OwnedDescriptor(raw)
    // A client that says nothing must not hold up the host.
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    unsafe setsockopt(
      raw, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    unsafe setsockopt(
      raw, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var word: UInt8 = 0
    var listener: CInt = -1
    guard unsafe bb_receive_descriptor(raw, &word, 1, &listener) == 1 else { return nil }
    let reply = Reply(connection: connection)
    switch word {
    case UInt8(ascii: "j") where listener >= 0:
      return .listener(OwnedDescriptor(listener), reply)
    case UInt8(ascii: "s"): return .state(reply)
    default:
      if listener >= 0 { close(listener) }
      return nil
    }
  }

  // MARK: the other side

  /// The pid of the host of that name.
  static func owner(of name: String) throws(CommandError) -> pid_t {
    let connection = try connect(to: name)
    var credentials = PeerCredentials()
    var length = socklen_t(MemoryLayout<PeerCredentials>.size)
    unsafe getsockopt(connection.raw, SOL_SOCKET, SO_PEERCRED, &credentials, &length)
    return credentials.pid
  }

  static func join(_ name: String, _ listener: OwnedDescriptor) throws(CommandError) {
    let connection = try connect(to: name)
    var word = UInt8(ascii: "j")
    let error = unsafe bb_send_descriptor(connection.raw, listener.raw, &word, 1)
    guard error == 0 else {
      throw .failure("the host '\(name)' does not answer: \(SystemError.message(-error))")
    }
    let answer = Descriptor.readText(from: connection.raw)
    guard answer == "ok\n" else { throw .failure("the host '\(name)' says: \(answer)") }
  }

  static func state(of name: String) throws(CommandError) -> String {
    let connection = try connect(to: name)
    _ = Descriptor.write("s", to: connection.raw)
    return Descriptor.readText(from: connection.raw)
  }

  private static func connect(to name: String) throws(CommandError) -> OwnedDescriptor {
    let path = try path(of: name, creating: false)
    guard let raw = connected(to: path) else {
      throw .failure(
        "no host named '\(name)' is running; start one with "
          + "'bindersim host --name \(name) -- PROGRAM'")
    }
    return OwnedDescriptor(raw)
  }

  /// In the directory that the system gives each user, or else one of our own.
  private static func path(of name: String, creating: Bool) throws(CommandError) -> String {
    guard !name.isEmpty, name.count <= 40,
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
    else {
      throw .usage(
        "host: '\(name)' is no name for a host", hint: "Use letters, digits, '-', '_' and '.'.")
    }
    let base = unsafe getenv("XDG_RUNTIME_DIR").map { unsafe String(cString: $0) }
    let directory =
      base.map { "\($0)/bindersim" } ?? "/tmp/bindersim-\(getuid())"
    if creating { unsafe mkdir(directory, 0o700) }
    var status = stat()
    guard !creating || (unsafe lstat(directory, &status) == 0 && status.st_uid == getuid()) else {
      throw .failure("cannot use '\(directory)': it is not a directory of this user")
    }
    return "\(directory)/\(name)"
  }

  private static func connected(to path: String) -> CInt? {
    let raw = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
    guard raw >= 0 else { return nil }
    let status = unsafe withAddress(path) { address, length in
      unsafe Glibc.connect(raw, address, length)
    }
    guard status == 0 else {
      close(raw)
      return nil
    }
    return raw
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
  ) -> CInt {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      errno = ENAMETOOLONG
      return -1
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    return unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}

/// `struct ucred`, which the importer shows only with GNU extensions.
private struct PeerCredentials {
  var pid: pid_t = 0
  var uid: uid_t = 0
  var gid: gid_t = 0
}
