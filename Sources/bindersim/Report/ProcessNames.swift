/// How a report names processes: the pid, and the name where it is known.
struct ProcessNames {
  var byPID: [Int32: String] = [:]

  /// `990 system_server`
  func label(_ pid: Int32) -> String { byPID[pid].map { "\(pid) \($0)" } ?? "\(pid)" }
}
