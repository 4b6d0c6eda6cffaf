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
