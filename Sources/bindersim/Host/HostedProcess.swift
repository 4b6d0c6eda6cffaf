internal import CLinuxShims
internal import Glibc

/// A program that uses a device, as long as it lives.
final class HostedProcess: Sendable {
  let pid: pid_t
  let name: String
  /// Readable when it has exited.
  let pidfd: OwnedDescriptor
  /// Its `/proc/PID`, which never becomes another process's.
  private let directory: OwnedDescriptor
  /// Its pids, from the host's namespace inwards, and the innermost namespace.
  private let pids: [pid_t]
  private let namespace: UInt64

  /// Nil when it is gone.
  init?(_ pid: pid_t) {
    let pidfd = bb_pidfd_open(pid)
    guard pidfd >= 0 else { return nil }
    self.pidfd = OwnedDescriptor(pidfd)
    guard let directory = OwnedDescriptor.directory("/proc/\(pid)") else { return nil }
    self.directory = directory
    self.pid = pid
    let status = ProcStatus(thread: pid)
    name = status?.name ?? "?"
    pids = status?.namespacePIDs ?? [pid]
    namespace = OpenFileID(path: "/proc/\(pid)/ns/pid")?.inode ?? 0
  }

  /// Its effective user now; nil when it is gone.
  var effectiveUser: UInt32? {
    var uid: uid_t = 0
    return unsafe bb_process_euid(directory.raw, &uid) == 0 ? uid : nil
  }

  /// Its pid as `other` sees it; 0 where it cannot.
  func pid(seenBy other: HostedProcess) -> pid_t {
    if namespace == other.namespace { return pids.last ?? 0 }
    // A namespace further out sees it under one of its outer pids.
    let depth = other.pids.count
    return depth < pids.count ? pids[depth - 1] : 0
  }
}

extension OpenFileID {
  init?(path: String) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }
}

/// What `/proc/TID/status` says.
struct ProcStatus {
  var name = "?"
  var process: pid_t = 0
  var namespacePIDs: [pid_t] = []

  init?(thread: pid_t) {
    guard let text = SmallFile.read("/proc/\(thread)/status") else { return nil }
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      let words = parts[1].split(whereSeparator: { $0 == " " || $0 == "\t" })
      switch parts[0] {
      case "Name": name = words.first.map(String.init) ?? "?"
      case "Tgid": process = words.first.flatMap { pid_t($0) } ?? 0
      case "NSpid": namespacePIDs = words.compactMap { pid_t($0) }
      default: break
      }
    }
    guard process > 0 else { return nil }
  }
}

/// Files of a few kilobytes, such as those under /proc.
enum SmallFile {
  static func read(_ path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 8192) { buffer in
      var count = 0
      while count < buffer.count {
        let got = unsafe Glibc.read(descriptor, buffer.baseAddress! + count, buffer.count - count)
        guard got > 0 else { break }
        count += got
      }
      return unsafe String(decoding: UnsafeBufferPointer(rebasing: buffer[..<count]), as: UTF8.self)
    }
  }
}
