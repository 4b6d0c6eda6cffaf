internal import CLinuxShims
internal import Glibc

/// `bindersim host --exchange`: the two programs that `bindersim bench host` measures. One asks
/// with a message of so many bytes and the other answers with as many, over Binder, a Unix stream
/// socket and a pipe in turn.
struct ExchangeProgram {
  /// Where the asking program writes its figures: nanoseconds of an exchange, one line for each
  /// round, a number for each transport.
  var output: CInt
  var bytes: Int
  var count: Int
  var rounds: Int
  var transports: [ExchangeTransport]

  /// `OUTPUT BYTES COUNT ROUNDS TRANSPORT,…`
  var words: String {
    "\(output) \(bytes) \(count) \(rounds) "
      + transports.map(\.rawValue).joined(separator: ",")
  }

  init(
    output: CInt, bytes: Int, count: Int, rounds: Int, transports: [ExchangeTransport]
  ) {
    self.output = output
    self.bytes = bytes
    self.count = count
    self.rounds = rounds
    self.transports = transports
  }

  init?(_ words: String) {
    let parts = words.split(separator: " ")
    guard parts.count == 5, let output = CInt(parts[0]), let bytes = Int(parts[1]),
      let count = Int(parts[2]), let rounds = Int(parts[3]), bytes > 0, count > 0
    else { return nil }
    self.init(
      output: output, bytes: bytes, count: count, rounds: rounds,
      transports: parts[4].split(separator: ",").compactMap {
        ExchangeTransport(rawValue: String($0))
      })
  }

  func run() -> ExitStatus {
    var sockets: [CInt] = [0, 0]
    var requests: [CInt] = [0, 0]
    var replies: [CInt] = [0, 0]
    guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &sockets) == 0,
      unsafe pipe(&requests) == 0, unsafe pipe(&replies) == 0
    else { return .failure }
    let answering = EchoServer(
      bytes: bytes, socket: sockets[1], requests: requests[0], replies: replies[1])
    guard let server = answering.start() else { return .failure }
    defer { kill(server, SIGKILL) }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
    defer { unsafe memory.deallocate() }
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x5A)
    // The server becomes context manager before it answers here.
    guard unsafe Stream.exchange(sockets[0], sockets[0], memory) else { return .failure }
    guard let device = RawBinder(), device.map() else { return .failure }
    for _ in 0..<rounds {
      var line = ""
      for transport in transports {
        let start = MonotonicClock.now()
        for _ in 0..<count {
          let isDone =
            switch transport {
            case .binder: unsafe device.call(UnsafeRawBufferPointer(memory))
            case .stream: unsafe Stream.exchange(sockets[0], sockets[0], memory)
            case .pipe: unsafe Stream.exchange(requests[1], replies[0], memory)
            }
          guard isDone else { return .failure }
        }
        line += "\((MonotonicClock.now() - start) / UInt64(count)) "
      }
      _ = Descriptor.write(line + "\n", to: output)
    }
    return .success
  }
}

enum ExchangeTransport: String, CaseIterable {
  case binder
  case stream = "unix-stream"
  case pipe
}

/// The program that answers.
struct EchoServer {
  var bytes: Int
  var socket: CInt
  var requests: CInt
  var replies: CInt

  init(bytes: Int, socket: CInt, requests: CInt, replies: CInt) {
    self.bytes = bytes
    self.socket = socket
    self.requests = requests
    self.replies = replies
  }

  init?(_ words: String) {
    let numbers = words.split(separator: " ").compactMap { Int($0) }
    guard numbers.count == 4 else { return nil }
    self.init(
      bytes: numbers[0], socket: CInt(numbers[1]), requests: CInt(numbers[2]),
      replies: CInt(numbers[3]))
  }

  func start() -> pid_t? {
    var pid: pid_t = 0
    let words = "\(bytes) \(socket) \(requests) \(replies)"
    let arguments = ["bindersim", "host", "--echo", words]
    var pointers = unsafe arguments.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    let status = unsafe posix_spawn(&pid, "/proc/self/exe", nil, nil, &pointers, environ)
    return status == 0 ? pid : nil
  }

  /// Binder on one thread, the socket and the pipe on one each: all sleep until they are asked.
  func run() -> ExitStatus {
    guard let device = RawBinder(), device.map(), device.becomeManager() else { return .failure }
    let streams = [(socket, socket), (requests, replies)]
    for (input, output) in streams {
      let size = bytes
      let isStarted = DetachedThread.start {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        while unsafe Descriptor.fill(memory, from: input),
          unsafe Descriptor.writeAll(UnsafeRawBufferPointer(memory), to: output)
        {}
        exit(0)
      }
      guard isStarted else { return .failure }
    }
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4096)
    unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x5A)
    return unsafe device.serve(UnsafeRawBufferPointer(memory)) ? .success : .failure
  }
}

private enum Stream {
  static func exchange(_ out: CInt, _ into: CInt, _ memory: UnsafeMutableRawBufferPointer) -> Bool {
    unsafe Descriptor.writeAll(UnsafeRawBufferPointer(memory), to: out)
      && Descriptor.fill(memory, from: into)
  }
}

/// `/dev/binder` with nothing between the measurement and the system call.
@safe private final class RawBinder {
  private let device: CInt
  private let out: UnsafeMutableRawPointer
  private let returns: UnsafeMutableRawPointer
  /// The last received buffer, freed with the next command.
  private var buffer: UInt64 = 0

  private static let room = 256

  init?() {
    device = unsafe open("/dev/binder", O_RDWR | O_CLOEXEC)
    unsafe out = .allocate(byteCount: Self.room, alignment: 8)
    unsafe returns = .allocate(byteCount: Self.room, alignment: 8)
    guard device >= 0 else { return nil }
  }

  func map() -> Bool {
    unsafe mmap(nil, 4 << 20, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, device, 0) != MAP_FAILED
  }

  func becomeManager() -> Bool {
    var zero: Int32 = 0
    return unsafe ioctl(device, UInt(bb_ioctl_set_context_mgr.rawValue), &zero) == 0
  }

  func call(_ message: UnsafeRawBufferPointer) -> Bool {
    var size = unsafe put(bb_bc_transaction.rawValue, message)
    while true {
      guard let got = turn(size) else { return false }
      size = 0
      if take(bb_br_reply.rawValue, got) { return true }
    }
  }

  func serve(_ answer: UnsafeRawBufferPointer) -> Bool {
    unsafe out.storeBytes(of: bb_bc_enter_looper.rawValue, as: UInt32.self)
    var size = 4
    while let got = turn(size) {
      size = take(bb_br_transaction.rawValue, got) ? unsafe put(bb_bc_reply.rawValue, answer) : 0
    }
    return false
  }

  /// Frees what was received last, and sends.
  private func put(_ command: UInt32, _ message: UnsafeRawBufferPointer) -> Int {
    var size = 0
    if buffer != 0 {
      unsafe out.storeBytes(of: bb_bc_free_buffer.rawValue, as: UInt32.self)
      unsafe (out + 4).storeBytes(of: buffer, as: UInt64.self)
      buffer = 0
      size = 12
    }
    var transaction = binder_transaction_data()
    transaction.data_size = UInt64(message.count)
    unsafe transaction.data.ptr.buffer = UInt64(UInt(bitPattern: message.baseAddress))
    unsafe (out + size).storeBytes(of: command, as: UInt32.self)
    unsafe (out + size + 4).storeBytes(of: transaction, as: binder_transaction_data.self)
    return size + 4 + MemoryLayout<binder_transaction_data>.size
  }

  private func turn(_ size: Int) -> Int? {
    var values = binder_write_read()
    values.write_size = UInt64(size)
    unsafe values.write_buffer = UInt64(UInt(bitPattern: out))
    values.read_size = UInt64(Self.room)
    unsafe values.read_buffer = UInt64(UInt(bitPattern: returns))
    guard unsafe ioctl(device, UInt(bb_ioctl_write_read.rawValue), &values) == 0 else { return nil }
    return Int(values.read_consumed)
  }

  /// Whether what was read holds that return; notes its buffer.
  private func take(_ wanted: UInt32, _ size: Int) -> Bool {
    var place = 0
    while place + 4 <= size {
      let code = unsafe returns.loadUnaligned(fromByteOffset: place, as: UInt32.self)
      if code == wanted {
        let offset = place + 4 + Int(bb_td_buffer)
        buffer = unsafe returns.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return true
      }
      place += 4 + Int(code >> 16 & 0x3fff)
    }
    return false
  }
}
