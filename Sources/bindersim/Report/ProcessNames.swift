/// How a report names processes: the pid, and the name where it is known.
struct ProcessNames {
  var byPID: [Int32: String] = [:]

  /// `990 system_server`; for a region of another context than binder, `1537 keystore (hwbinder)`.
  func label(_ number: Int32) -> String {
    let key = RegionKey(number: number)
    let name = byPID[key.pid].map { "\(key.pid) \($0)" } ?? "\(key.pid)"
    return key.context == .binder ? name : "\(name) (\(key.context.name))"
  }
}
