/// What one line of a log says about Binder.
enum LogFact: Equatable, Sendable {
  /// `binder_alloc_buf size … failed`: in which region, how much was asked for.
  case refused(receiver: Int32, size: Int, freeOneway: FreeOneway?)
  /// The receiver has no region (any more).
  case noRegion(receiver: Int32)
  /// A page frame could not be had.
  case noFrame(receiver: Int32)
  case usage(RegionFigures)
  case spam(receiver: Int32, sender: Int32, buffers: Int, bytes: Int)
  case failed(FailedTransaction)
  case rustRefused(size: Int, isOneway: Bool)
  /// Lines that the kernel left out.
  case suppressed(Int)
  case kernel(String)
  case client(ClientFact)
  case name(process: Int32, String)
  case died(process: Int32)

  /// `no async space left`, with the space that was, where the line tells.
  struct FreeOneway: Equatable, Sendable { var bytes: Int? }

  /// What libraries of user space say when a call fails.
  enum ClientFact: Equatable, Sendable {
    case failure(id: UInt64?, returned: Int?, error: Int?)
    case parcel(Int)
    case tooLarge(Int?)
    case smallParcel
    case tooManyOneway
    case starved(threads: Int, milliseconds: Int)
  }
}

/// `allocated: A (num: n largest: L), free: F (num: m largest: M)`
struct RegionFigures: Equatable, Sendable {
  var allocated: Int
  var buffers: Int
  var largestBuffer: Int
  var free: Int
  var freeRanges: Int
  var largestFree: Int
}

/// `… transaction … failed …`
struct FailedTransaction: Equatable, Sendable {
  var sender: Int32
  var thread: Int32
  var kind: Refusal.Kind?
  var receiver: Int32?
  var id: UInt64?
  /// The driver's answer, such as 29201.
  var returned: Int?
  /// A negative error number.
  var error: Int?
  var dataSize: Int?
  var offsetsSize: Int?
  var isRust = false
}

/// One line of a kernel log or logcat, read for what it says about Binder.
struct LogLine: Equatable, Sendable {
  var stamp: LogStamp
  var fact: LogFact

  /// Nil for the many lines that say nothing.
  ///
  /// Tags, levels and whatever else a recorder puts before the text do not matter: the text itself
  /// is looked for.
  init?(_ line: [UInt8]) {
    let scanner = ByteScanner(line)
    guard let (fact, place) = Self.fact(scanner) else { return nil }
    self.fact = fact
    stamp = LogStamp(scanner, before: place)
  }

  /// Whether a line can say anything at all: cheap enough for every line of a long file.
  static func isWorthReading(_ line: Span<UInt8>) -> Bool {
    var index = 0
    // All that is looked for holds one of these, and few other lines do.
    while index + 4 < line.count {
      switch line[index] {
      case UInt8(ascii: "i"):
        if hasWord(line, index, "inder") || hasWord(line, index, "inux version") { return true }
      case UInt8(ascii: "r"):
        if hasWord(line, index, "ransaction") || hasWord(line, index, "rt proc ") { return true }
      case UInt8(ascii: "a"):
        if hasWord(line, index, "as died") || hasWord(line, index, "allocated: ") { return true }
      case UInt8(ascii: "F"):
        if hasWord(line, index, "FAILED BINDER ") { return true }
      case UInt8(ascii: "s"):
        if hasWord(line, index, "sending too many ") { return true }
      case UInt8(ascii: "L"):
        if hasWord(line, index, "Linux version ") { return true }
      default: break
      }
      index += 1
    }
    return false
  }

  private static func hasWord(_ line: Span<UInt8>, _ at: Int, _ word: StaticString) -> Bool {
    LineParser.hasWord(line, at, line.count, word)
  }

  private static func fact(_ scanner: ByteScanner) -> (LogFact, at: Int)? {
    allocation(scanner) ?? transaction(scanner) ?? rust(scanner) ?? client(scanner)
      ?? system(scanner)
  }

  // MARK: The C driver

  private static func allocation(_ start: ByteScanner) -> (LogFact, at: Int)? {
    var scanner = start
    if let place = start.find("binder_alloc_buf") {
      guard place >= 2, let receiver = start.pid(before: place - 2) else { return nil }
      scanner.go(to: place)
      _ = scanner.skip("binder_alloc_buf")
      if scanner.skip(" size "), let size = scanner.size(), scanner.skip(" failed, ") {
        guard scanner.skip("no async space left") else {
          return (.refused(receiver: receiver, size: size, freeOneway: nil), place)
        }
        let free = scanner.skip(" (") ? scanner.size() : nil
        return (.refused(receiver: receiver, size: size, freeOneway: .init(bytes: free)), place)
      }
      if scanner.hasNext(", no vma") { return (.noRegion(receiver: receiver), place) }
      if scanner.hasNext(" failed") { return (.noFrame(receiver: receiver), place) }
      return nil
    }
    if let place = start.find("allocated: "), let usage = figures(start, place) {
      return (.usage(usage), place)
    }
    if let place = start.find("spamming oneway? ") {
      return spam(start, place)
    }
    return suppressed(start)
  }

  private static func figures(_ start: ByteScanner, _ place: Int) -> RegionFigures? {
    var scanner = start
    scanner.go(to: place)
    guard scanner.skip("allocated: "), let allocated = scanner.size(), scanner.skip(" (num: "),
      let buffers = scanner.size(), scanner.skip(" largest: "), let largest = scanner.size(),
      scanner.skip("), free: "), let free = scanner.size(), scanner.skip(" (num: "),
      let ranges = scanner.size(), scanner.skip(" largest: "), let largestFree = scanner.size()
    else { return nil }
    return RegionFigures(
      allocated: allocated, buffers: buffers, largestBuffer: largest, free: free,
      freeRanges: ranges, largestFree: largestFree)
  }

  /// `PID: pid SENDER spamming oneway? N buffers allocated for a total size of BYTES`
  private static func spam(_ start: ByteScanner, _ place: Int) -> (LogFact, at: Int)? {
    var scanner = start
    scanner.go(to: place)
    guard place >= 1, let sender = start.pid(before: place - 1),
      let word = start.find(": pid "), word < place, let receiver = start.pid(before: word),
      scanner.skip("spamming oneway? "), let buffers = scanner.size(),
      scanner.goBehind("total size of "), let bytes = scanner.size()
    else { return nil }
    return (.spam(receiver: receiver, sender: sender, buffers: buffers, bytes: bytes), place)
  }

  private static func suppressed(_ start: ByteScanner) -> (LogFact, at: Int)? {
    guard let place = start.find(" callbacks suppressed"), start.contains("binder"),
      let count = start.pid(before: place)
    else { return nil }
    return (.suppressed(Int(count)), place)
  }

  private static func transaction(_ start: ByteScanner) -> (LogFact, at: Int)? {
    guard let place = start.find(" transaction "), let thread = start.pid(before: place) else {
      return nil
    }
    let colon = place - String(thread).utf8.count - 1
    guard colon > 0, start.bytes[colon] == UInt8(ascii: ":"),
      let sender = start.pid(before: colon)
    else { return nil }
    var scanner = start
    scanner.go(to: place)
    _ = scanner.skip(" transaction ")
    var failed = FailedTransaction(sender: sender, thread: thread)
    if scanner.skip("call ") {
      failed.kind = .call
    } else if scanner.skip("reply ") {
      failed.kind = .reply
    } else if scanner.skip("async ") {
      failed.kind = .oneway
    }
    if scanner.skip("to ") {
      guard let receiver = scanner.pid() else { return nil }
      failed.receiver = receiver
      if scanner.skip(":") { _ = scanner.pid() }
      _ = scanner.skip(" ")
    }
    if scanner.skip("failed: ") { return rustFailure(scanner, failed, place) }
    guard scanner.skip("failed ") else { return nil }
    guard let first = scanner.size(), scanner.skip("/"), let second = scanner.number() else {
      return nil
    }
    if scanner.skip("/") {
      guard let error = scanner.number() else { return nil }
      failed.id = UInt64(first)
      (failed.returned, failed.error) = (second, error)
    } else {
      (failed.returned, failed.error) = (first, second)
    }
    if scanner.goBehind("size "), let data = scanner.size() {
      failed.dataSize = data
      if scanner.skip("-") { failed.offsetsSize = scanner.size() }
    }
    return (.failed(failed), place)
  }

  // MARK: The Rust driver

  private static func rust(_ start: ByteScanner) -> (LogFact, at: Int)? {
    guard let place = start.find("Failed to allocate buffer. len:") else { return nil }
    var scanner = start
    scanner.go(to: place)
    guard scanner.goBehind("len:"), let size = scanner.size() else { return nil }
    let isOneway = scanner.goBehind("is_oneway:") && scanner.hasNext("true")
    return (.rustRefused(size: size, isOneway: isOneway), place)
  }

  /// `SENDER:THREAD transaction to RECEIVER failed: ENOSPC`
  private static func rustFailure(
    _ scanner: ByteScanner, _ failed: FailedTransaction, _ place: Int
  ) -> (LogFact, at: Int)? {
    var failed = failed
    failed.isRust = true
    let names = [
      ("ENOSPC", -28), ("ENOMEM", -12), ("ESRCH", -3), ("EINVAL", -22), ("EFAULT", -14),
      ("EPERM", -1), ("BR_DEAD_REPLY", -3), ("BR_FROZEN_REPLY", -11),
    ]
    for (name, error) in names where scanner.rest.contains(name) {
      failed.error = error
      return (.failed(failed), place)
    }
    return (.failed(failed), place)
  }
}
