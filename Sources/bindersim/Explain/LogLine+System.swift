/// Lines that other parts of the system write: Binder's libraries, the activity manager, the kernel
/// at its start.
extension LogLine {
  static func client(_ start: ByteScanner) -> (LogFact, at: Int)? {
    var scanner = start
    if let place = start.find("Binder transaction failure") {
      let id = scanner.goBehind("id: ") ? scanner.size() : nil
      let returned = scanner.goBehind("BR_*: ") ? scanner.number() : nil
      let error = scanner.goBehind("error: ") ? scanner.number() : nil
      return (
        .client(.failure(id: id.map { UInt64($0) }, returned: returned, error: error)), place
      )
    }
    if let place = start.find("FAILED BINDER TRANSACTION") {
      guard scanner.goBehind("parcel size = "), let size = scanner.size() else {
        return (.client(.tooLarge(nil)), place)
      }
      return (.client(.parcel(size)), place)
    }
    if let place = start.find("TransactionTooLargeException") {
      let size = scanner.goBehind("data parcel size ") ? scanner.size() : nil
      return (.client(.tooLarge(size)), place)
    }
    if let place = start.find("Transaction failed on small parcel") {
      return (.client(.smallParcel), place)
    }
    if let place = start.find("sending too many oneway calls") {
      return (.client(.tooManyOneway), place)
    }
    if let place = start.find("binder thread pool (") {
      guard scanner.goBehind("binder thread pool ("), let threads = scanner.size(),
        scanner.goBehind("starved for "), let time = scanner.size()
      else { return nil }
      return (.client(.starved(threads: threads, milliseconds: time)), place)
    }
    return nil
  }

  static func system(_ start: ByteScanner) -> (LogFact, at: Int)? {
    var scanner = start
    if let place = start.find("Linux version ") {
      guard scanner.goBehind("Linux version "), let release = scanner.word(),
        release.utf8.first.map({ $0 &- 0x30 < 10 }) == true
      else { return nil }
      return (.kernel(release), place)
    }
    if let place = start.find("Start proc ") {
      guard scanner.goBehind("Start proc "), let pid = scanner.pid(), pid > 0, scanner.skip(":"),
        let name = scanner.word()
      else { return nil }
      return (.name(process: pid, String(name.prefix { $0 != "/" })), place)
    }
    if let place = start.find(") has died") {
      guard let pid = start.pid(before: place), pid > 0 else { return nil }
      return (.died(process: pid), place)
    }
    return nil
  }
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
      if let seconds = scanner.seconds(), scanner.hasNext("]") {
        time = "\(seconds.text) s"
        self.seconds = seconds.value
      }
    }
    if time == nil { logcat(line, place) }
    if time == nil, line.hasNext("["), let end = line.find("]"), end < place {
      time = ByteScanner.text(line.bytes[1..<end])
    }
  }

  /// `03-10 12:01:02.123  5542  5559 E Tag: `, with a year or a user too; or `E/Tag( 5542): `.
  private mutating func logcat(_ line: ByteScanner, _ place: Int) {
    var scanner = line
    scanner.skipBlanks()
    let start = scanner.at
    guard let date = scanner.word(), date.utf8.first.map({ $0 &- 0x30 < 10 }) == true,
      date.utf8.contains(UInt8(ascii: "-")), let clock = scanner.word(),
      clock.utf8.count(where: { $0 == UInt8(ascii: ":") }) == 2
    else {
      scanner.go(to: start)
      if scanner.goBehind("("), scanner.at < place, let pid = scanner.pid(), scanner.hasNext("): ")
      {
        process = pid
      }
      return
    }
    time = "\(date) \(clock)"
    guard scanner.at < place else { return }
    var ids: [Int32] = []
    for _ in 0..<3 {
      let before = scanner.at
      guard let id = scanner.pid() else {
        // A user's name may stand before the numbers.
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
    guard ids.count >= 2 else { return }
    (process, thread) = (ids[ids.count - 2], ids[ids.count - 1])
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
