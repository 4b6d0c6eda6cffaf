/// Reads what `binder_logs` (older: debugfs) holds, in the layout of either driver: `state`,
/// `proc/PID`, `stats` and `transactions`, whole, in part, or among other text.
///
/// Memory is bounded: what exceeds the bounds is counted.
struct DumpParser {
  private static let mostProcesses = 1 << 14
  private static let mostBuffers = 1 << 20
  private static let mostTransactions = 1 << 16

  private(set) var processes: [DumpProcess] = []
  private(set) var used = 0
  private(set) var leftOut = 0
  private var bufferCount = 0
  private var transactionCount = 0
  /// Where lines belong now; nil before the first process and behind the last.
  private var current: Int?
  private var thread: Int32?
  private var node: Int64?
  private var isInBinderFile = false
  /// From the name of a file such as `proc/1234`.
  private let ownPID: Int32?

  init(ownPID: Int32? = nil) { self.ownPID = ownPID }

  /// Whether the line can be one of a dump: cheap enough for every line of a long file.
  static func isWorthReading(_ line: Span<UInt8>) -> Bool {
    var at = 0
    while at < line.count, line[at] == 0x20 { at += 1 }
    guard at < line.count, at <= 8 else { return false }
    func begins(_ word: StaticString) -> Bool { LineParser.hasWord(line, at, line.count, word) }
    return switch line[at] {
    case UInt8(ascii: "b"): begins("buffer") || begins("binder ")
    case UInt8(ascii: "c"): begins("context ")
    case UInt8(ascii: "f"): begins("free async space") || begins("free oneway space")
    case UInt8(ascii: "i"): begins("incoming transaction")
    case UInt8(ascii: "n"): begins("node ") || begins("node: ")
    case UInt8(ascii: "o"): begins("outgoing transaction") || begins("outstanding transactions")
    case UInt8(ascii: "p"):
      begins("proc ") || begins("proc: ") || begins("pending ") || begins("pages")
    case UInt8(ascii: "r"): begins("ready threads") || begins("requested threads")
    case UInt8(ascii: "t"): begins("thread") || begins("transaction ")
    case UInt8(ascii: "-"): begins("------")
    default: false
    }
  }

  /// - Returns: whether the line was one of a dump.
  mutating func take(_ line: [UInt8], source: String) -> Bool {
    var scanner = ByteScanner(line)
    scanner.skipBlanks()
    let depth = scanner.at
    let isUsed =
      heading(&scanner, depth, source) || buffer(scanner, source) || listed(scanner, source)
      || figure(scanner) || owner(scanner)
    if isUsed { used += 1 }
    return isUsed
  }

  // MARK: Whose lines these are

  private mutating func heading(
    _ scanner: inout ByteScanner, _ depth: Int, _ source: String
  ) -> Bool {
    let start = scanner
    if depth == 0, scanner.skip("proc ") || scanner.skip("proc: ") {
      if let pid = scanner.pid(), scanner.isAtEnd {
        begin(DumpProcess(pid: pid, source: source))
        return true
      }
    } else if depth == 0, scanner.skip("context ") {
      if let current, let name = scanner.word(), scanner.isAtEnd {
        processes[current].context = name
        return true
      }
    } else if depth == 0, scanner.skip("binder ") {
      for name: StaticString in [
        "state:", "proc state:", "stats:", "transactions:", "transaction log:", "state hashed:",
        "transactions hashed:",
      ] where scanner.hasNext(name) {
        (current, thread, node) = (nil, nil, nil)
        isInBinderFile = true
        return true
      }
    } else if scanner.hasNext("------") {
      (current, thread, node) = (nil, nil, nil)
    }
    scanner = start
    return false
  }

  private mutating func begin(_ process: DumpProcess) {
    (thread, node) = (nil, nil)
    guard processes.count < Self.mostProcesses else {
      leftOut += 1
      current = nil
      return
    }
    processes.append(process)
    current = processes.count - 1
  }

  /// Lines of a file whose head is missing belong to a process all the same.
  private mutating func place(_ source: String) -> Int? {
    if current == nil { begin(DumpProcess(pid: ownPID, source: source)) }
    return current
  }

  private mutating func owner(_ scanner: ByteScanner) -> Bool {
    guard current != nil else { return false }
    var scanner = scanner
    if scanner.skip("thread ") {
      guard let id = scanner.pid(), scanner.hasNext(": l") || scanner.hasNext(":") else {
        return false
      }
      (thread, node) = (id, nil)
      return true
    }
    if scanner.skip("node ") || scanner.skip("node: ") {
      guard let id = scanner.number(), scanner.hasNext(":") || scanner.isAtEnd else {
        return false
      }
      (thread, node) = (nil, Int64(id))
      return true
    }
    return false
  }

  // MARK: Buffers

  private mutating func buffer(_ scanner: ByteScanner, _ source: String) -> Bool {
    var scanner = scanner
    guard scanner.skip("buffer") else { return false }
    guard
      let buffer = scanner.hasNext(": ") ? Self.rustBuffer(scanner) : Self.cBuffer(scanner),
      let process = place(source)
    else { return false }
    thread = nil
    node = nil
    processes[process].listsBuffers = true
    processes[process].driver = buffer.id == nil ? .rust : .c
    guard bufferCount < Self.mostBuffers else {
      leftOut += 1
      return true
    }
    bufferCount += 1
    processes[process].buffers.append(buffer)
    return true
  }

  /// ` 7333: 40 size 8:0:0 delivered`, the offset in hexadecimal; two sizes in older kernels.
  private static func cBuffer(_ start: ByteScanner) -> DumpBuffer? {
    var scanner = start
    guard scanner.skip(" "), let id = scanner.size(), scanner.skip(": "),
      let place = scanner.hexadecimal(), scanner.skip(" size "), let data = scanner.size(),
      scanner.skip(":"), let offsets = scanner.size()
    else { return nil }
    let extra = scanner.skip(":") ? scanner.size() : 0
    guard let extra else { return nil }
    _ = scanner.skip(" ")
    let state: DumpBuffer.State
    if scanner.hasNext("active") {
      state = .active
    } else if scanner.hasNext("delivered") {
      state = .delivered
    } else {
      return nil
    }
    return DumpBuffer(
      id: UInt64(id), offset: Int(exactly: place),
      size: max(8, [data, offsets, extra].reduce(0) { $0 + Refusal.rounded($1) }),
      dataSize: data, offsetsSize: offsets, extraSize: extra, state: state)
  }

  /// `: OFFSET size SIZE pid PID[ oneway] reserved|allocated`, in decimal.
  private static func rustBuffer(_ start: ByteScanner) -> DumpBuffer? {
    var scanner = start
    guard scanner.skip(": "), let offset = scanner.size(), scanner.skip(" size "),
      let size = scanner.size()
    else { return nil }
    let sender = scanner.skip(" pid ") ? scanner.pid() : nil
    let isOneway = scanner.skip(" oneway")
    let state: DumpBuffer.State = scanner.skip(" reserved") ? .reserved : .allocated
    guard state == .reserved || scanner.skip(" allocated") else { return nil }
    return DumpBuffer(
      id: nil, offset: offset, size: size, sender: sender, isOneway: isOneway, state: state)
  }

  // MARK: Transactions

  private mutating func listed(_ scanner: ByteScanner, _ source: String) -> Bool {
    var scanner = scanner
    let place: DumpTransaction.Place
    if scanner.skip("incoming transaction ") {
      place = .incoming
    } else if scanner.skip("outgoing transaction ") {
      place = .outgoing
    } else if scanner.skip("pending async transaction ") {
      place = .pendingAsync
    } else if scanner.skip("pending transaction ") {
      place = .pending
    } else {
      return false
    }
    guard let id = scanner.size(), scanner.skip(":") else { return false }
    var entry = DumpTransaction(place: place, id: UInt64(id))
    guard scanner.goBehind("from "), let sender = scanner.pid() else { return false }
    entry.sender = sender
    entry.senderThread = scanner.skip(":") ? scanner.pid() : nil
    if scanner.skip(" to "), let receiver = scanner.pid() {
      entry.receiver = receiver
      entry.receiverThread = scanner.skip(":") ? scanner.pid() : nil
    }
    func value(_ name: StaticString) -> ByteScanner? {
      var behind = scanner
      return behind.goBehind(name) ? behind : nil
    }
    if var found = value(" code ") { entry.code = found.hexadecimal() }
    if var found = value(" flags ") { entry.flags = found.hexadecimal() }
    if var found = value(" elapsed ") { entry.milliseconds = found.size() }
    if var found = value(" node ") { entry.node = found.size().map { Int64($0) } }
    if var found = value(" size ") {
      entry.dataSize = found.size()
      entry.offsetsSize = found.skip(":") ? found.size() : nil
    }
    if var found = value(" offset ") {
      entry.offset = found.hexadecimal().flatMap { Int(exactly: $0) }
    }
    if place == .pendingAsync, entry.node == nil { entry.node = node }
    entry.thread = thread
    guard let process = self.place(source) else { return true }
    guard transactionCount < Self.mostTransactions else {
      leftOut += 1
      return true
    }
    transactionCount += 1
    processes[process].transactions.append(entry)
    return true
  }

  // MARK: Figures

  private mutating func figure(_ scanner: ByteScanner) -> Bool {
    guard let current else { return false }
    var scanner = scanner
    func set(_ path: WritableKeyPath<DumpProcess, Int?>, _ value: Int?) -> Bool {
      guard let value else { return false }
      processes[current][keyPath: path] = value
      return true
    }
    if scanner.skip("free async space ") {
      processes[current].driver = .c
      return set(\.freeOnewaySpace, scanner.size())
    }
    if scanner.skip("free oneway space: ") {
      processes[current].driver = .rust
      return set(\.freeOnewaySpace, scanner.size())
    }
    if scanner.skip("buffers: ") { return set(\.bufferCount, scanner.size()) }
    if scanner.skip("threads: ") { return set(\.threads, scanner.size()) }
    if scanner.skip("ready threads ") { return set(\.readyThreads, scanner.size()) }
    if scanner.skip("requested threads: ") {
      guard let requested = scanner.size(), scanner.skip("+"), scanner.size() != nil,
        scanner.skip("/")
      else { return false }
      return set(\.requestedThreads, requested) && set(\.mostThreads, scanner.size())
    }
    if scanner.skip("pages: ") {
      guard let inUse = scanner.size(), scanner.skip(":"), let available = scanner.size(),
        scanner.skip(":"), let free = scanner.size(), max(inUse, available, free) < 1 << 20
      else { return false }
      return set(\.pagesInUse, inUse) && set(\.pagesAvailable, available) && set(\.pagesFree, free)
    }
    if scanner.skip("pages high watermark: ") { return set(\.pageHighWatermark, scanner.size()) }
    if scanner.skip("pending transactions: ") || scanner.skip("outstanding transactions: ") {
      return set(\.pendingTransactions, scanner.size())
    }
    return false
  }
}
