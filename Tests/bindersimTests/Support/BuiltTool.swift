import Foundation
import Glibc
import Testing

/// The built `bindersim`, run as a user runs it: its own process, its output not on a terminal.
struct BuiltTool {
  let status: Int32
  let output: String
  let errors: String

  /// Runs it, or another program, to its end.
  static func run(
    program: String? = nil, _ arguments: [String], environment: [String] = [],
    outputTo path: String? = nil
  ) throws -> BuiltTool {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let output = path ?? scratch.path("out")
    let pid = try start(
      try #require(program ?? Self.path), arguments, environment: environment, output: output,
      errors: scratch.path("err"))
    let status = wait(for: pid)
    return BuiltTool(
      status: status, output: path == nil ? readFile(output) ?? "" : "",
      errors: readFile(scratch.path("err")) ?? "")
  }

  /// Starts it and returns its pid.
  static func start(
    _ arguments: [String], environment: [String] = [], output: String, errors: String
  ) throws -> pid_t {
    try start(
      try #require(path), arguments, environment: environment, output: output, errors: errors)
  }

  /// Runs lines of a shell in `directory`, where `bindersim` is the built tool.
  static func shell(
    _ script: String, in directory: String, shell: String = "/bin/sh"
  ) throws -> BuiltTool {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tools = try #require(path).split(separator: "/").dropLast().joined(separator: "/")
    let pid = try start(
      shell, ["-c", "cd '\(directory)' && \(script)"],
      environment: ["PATH=/\(tools):/usr/local/bin:/usr/bin:/bin", "HOME=\(directory)"],
      output: scratch.path("out"), errors: scratch.path("err"))
    let status = wait(for: pid)
    return BuiltTool(
      status: status, output: readFile(scratch.path("out")) ?? "",
      errors: readFile(scratch.path("err")) ?? "")
  }

  /// The first of the programs that is installed.
  static func installed(_ names: [String]) -> String? {
    for name in names {
      for directory in ["/usr/bin", "/usr/local/bin", "/bin", "/snap/bin"] {
        let path = "\(directory)/\(name)"
        if unsafe access(path, X_OK) == 0 { return path }
      }
    }
    return nil
  }

  private static func start(
    _ program: String, _ arguments: [String], environment: [String], output: String,
    errors: String
  ) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o600)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o600)
    // Threads of the test runner block signals, and a new process inherits that.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var noSignals = sigset_t()
    unsafe sigemptyset(&noSignals)
    unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var argv = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer { for string in unsafe argv + envp { unsafe free(string) } }
    var pid: pid_t = 0
    let status = unsafe posix_spawn(&pid, program, &actions, &attributes, &argv, &envp)
    try #require(status == 0, "cannot run \(program)")
    return pid
  }

  /// The exit status, or the negated number of the signal that ended it.
  static func wait(for pid: pid_t) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
  }

  /// For programs that start it themselves.
  static var builtPath: String? { path }

  private static var path: String? { program("bindersim") }

  /// A program of the package, built into the directory of the one that runs the tests.
  static func program(_ name: String) -> String? {
    guard let own = unsafe realpath("/proc/self/exe", nil) else { return nil }
    defer { unsafe free(own) }
    let directory = unsafe String(cString: own).split(separator: "/").dropLast()
    return "/" + directory.joined(separator: "/") + "/" + name
  }
}

/// A directory of the test's own, which removes it when it is done.
struct ScratchDirectory {
  private let root: String

  init() throws {
    var template = Array("/tmp/bindersim-test-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer {
      unsafe mkdtemp($0.baseAddress!).map { unsafe String(cString: $0) }
    }
    root = try #require(made)
  }

  func path(_ name: String) -> String { root + "/" + name }

  var names: [String] {
    guard let directory = unsafe opendir(root) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  var directory: String { root }

  /// With all that was made in it, directories of programs that ran there included.
  func remove() {
    for name in names where unsafe Glibc.remove(path(name)) != 0 {
      try? FileManager.default.removeItem(atPath: path(name))
    }
    unsafe rmdir(root)
  }
}

/// The file's text; nil when there is none.
func readFile(_ path: String) -> String? {
  let descriptor = unsafe open(path, O_RDONLY)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = unsafe read(descriptor, &chunk, chunk.count)
    guard count > 0 else { break }
    bytes += chunk[..<count]
  }
  return String(decoding: bytes, as: UTF8.self)
}

func writeFile(_ path: String, _ text: String) {
  let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  defer { close(descriptor) }
  var text = text
  text.withUTF8 { bytes in _ = unsafe write(descriptor, bytes.baseAddress, bytes.count) }
}
