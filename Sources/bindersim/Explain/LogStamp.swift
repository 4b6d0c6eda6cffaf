/// When and where a line of a log was written.
struct LogStamp: Equatable, Sendable {
  /// As the line has it; nil where it has none.
  var time: String?
  /// Seconds since the start of the device, where the line tells them.
  var seconds: Double?
  /// Who wrote it, in logs of user space.
  var process: Int32?
  var thread: Int32?
}

extension LogStamp {
  /// What stands before the text of a line.
  init(_ line: ByteScanner, before place: Int) {
    var scanner = line
    // The kernel's time stands nearest to the text: a console's line in a trace has two.
    var from = 0
    while let bracket = line.find("[", from: from), bracket < place {
      from = bracket + 1
      scanner.go(to: from)
      if let seconds = scanner.seconds(), scanner.hasNext("]") { take(seconds) }
    }
    if time == nil { kernelMessage(line) }
    if time == nil { logcat(line, place) }
    if time == nil { wallClock(line) }
    if time == nil, line.hasNext("["), let end = line.find("]"), end < place {
      time = ByteScanner.text(line.bytes[1..<end])
    }
  }

  /// The line above the text in `logcat -v long`: `[ 03-10 12:01:02.123  5542: 5559 E/Tag ]`.
  init?(longHeader line: Span<UInt8>) {
    guard line.count >= 20, line.count < 256, line[0] == UInt8(ascii: "["), line[1] == 0x20,
      line[2] &- 0x30 < 10
    else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(line.count)
    for index in 2..<line.count { bytes.append(line[index]) }
    while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
    guard bytes.last == UInt8(ascii: "]") else { return nil }
    var scanner = ByteScanner(bytes)
    guard let first = scanner.word() else { return nil }
    if first.utf8.contains(UInt8(ascii: "-")) {
      guard let clock = scanner.word() else { return nil }
      time = "\(first) \(clock)"
    } else {
      time = first
    }
    guard let process = scanner.pid(), scanner.skip(":"), let thread = scanner.pid(),
      scanner.hasNext(" ")
    else { return nil }
    (self.process, self.thread) = (process, thread)
  }

  private mutating func take(_ seconds: (text: String, value: Double)) {
    time = "\(seconds.text) s"
    self.seconds = seconds.value
  }

  /// `/dev/kmsg`: `4,1234,32307962,-;text`, the time in microseconds.
  private mutating func kernelMessage(_ line: ByteScanner) {
    var scanner = line
    guard scanner.number() != nil, scanner.skip(","), scanner.number() != nil, scanner.skip(","),
      let microseconds = scanner.number(), microseconds >= 0, scanner.skip(",")
    else { return }
    let fraction = String(microseconds % 1_000_000)
    let text =
      "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    take((text, Double(microseconds) / 1e6))
  }

  /// `03-10 12:01:02.123  5542  5559 E Tag: `, with a year or a user too; the same with seconds
  /// instead of a date; or `E/Tag( 5542): `.
  private mutating func logcat(_ line: ByteScanner, _ place: Int) {
    var scanner = line
    scanner.skipBlanks()
    let start = scanner.at
    if let seconds = scanner.seconds(), scanner.hasNext(" ") {
      let ids = Self.ids(&scanner, before: place)
      guard ids.count >= 2 else { return }
      time = "\(seconds.text) s"
      (process, thread) = (ids[ids.count - 2], ids[ids.count - 1])
      return
    }
    scanner.go(to: start)
    guard let date = scanner.word(), date.utf8.first.map({ $0 &- 0x30 < 10 }) == true,
      date.utf8.contains(UInt8(ascii: "-")), let clock = scanner.word(), Self.isClock(clock)
    else {
      scanner.go(to: start)
      if scanner.goBehind("("), scanner.at < place, let pid = scanner.pid(), scanner.hasNext("): ")
      {
        process = pid
      }
      return
    }
    time = "\(date) \(clock)"
    // `-v zone`.
    let zone = scanner.at
    let word = scanner.word()
    if word?.utf8.count != 5 || word?.hasPrefix("+") != true && word?.hasPrefix("-") != true {
      scanner.go(to: zone)
    }
    guard scanner.at < place else { return }
    let ids = Self.ids(&scanner, before: place)
    guard ids.count >= 2 else { return }
    (process, thread) = (ids[ids.count - 2], ids[ids.count - 1])
  }

  /// Up to three numbers: maybe a user's, a process's, a thread's. A user may have a name.
  private static func ids(_ scanner: inout ByteScanner, before place: Int) -> [Int32] {
    var ids: [Int32] = []
    for _ in 0..<3 {
      let before = scanner.at
      guard let id = scanner.pid() else {
        guard ids.isEmpty, scanner.word() != nil, scanner.at < place else { break }
        continue
      }
      // A word that begins with a digit is a user too.
      guard scanner.isAtEnd || scanner.hasNext(" ") else {
        scanner.go(to: before)
        break
      }
      ids.append(id)
    }
    return ids
  }

  /// `Mar 10 12:01:02 host …`, `2024-03-10T12:01:02,123456+01:00 …`.
  private mutating func wallClock(_ line: ByteScanner) {
    var scanner = line
    guard let first = scanner.word() else { return }
    if first.utf8.count >= 19, first.utf8.first.map({ $0 &- 0x30 < 10 }) == true,
      first.contains("T"), first.contains(":")
    {
      time = first
    } else if first.utf8.count == 3, let day = scanner.number(), (1...31).contains(day),
      let clock = scanner.word(), Self.isClock(clock)
    {
      time = "\(first) \(day) \(clock)"
    }
  }

  private static func isClock(_ word: String) -> Bool {
    word.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 2
  }
}

extension ByteScanner {
  /// `32.307962`, as text and as a number.
  mutating func seconds() -> (text: String, value: Double)? {
    let start = at
    skipBlanks()
    let first = at
    guard let whole = number(), whole >= 0, skip(".") else {
      go(to: start)
      return nil
    }
    let digits = at
    guard let fraction = number(), fraction >= 0, at - digits <= 9 else {
      go(to: start)
      return nil
    }
    let scale = (digits..<at).reduce(1.0) { product, _ in product * 10 }
    return (Self.text(bytes[first..<at]), Double(whole) + Double(fraction) / scale)
  }
}
