import BinderBuffer
import CLinuxShims
import PageAlloc

/// Plays a scenario on a driver, with processes, threads and files that exist only here, and prints
/// the trace that bscene prints of a kernel.
final class SceneRunner {
  /// A thread of a process, and its answer that has not been printed.
  private struct Worker {
    let process: SceneProcess
    let name: String
    let tid: Int32
    var isPending = false
    var result: String?
    /// A read that waits.
    var read: WaitingRead?
  }

  struct WaitingRead {
    let open: SceneOpen
    let thread: DriverThreadID
    let size: UInt64
    /// What the write has said already.
    let written: String
  }

  private var driver: Driver
  private let files = SceneFiles()
  private var processes: [SceneProcess] = []
  private var workers: [Worker] = []
  private(set) var trace = ""
  private var hasStarted = false
  private let hasLabels: Bool

  init(_ kernel: DriverKernel, scene: String) {
    driver = Driver(options: DriverOptions(kernel: kernel, policy: kernel == .linux61 ? .c61 : .c))
    hasLabels = scene.hasPrefix("# boot security=selinux")
  }

  static func play(_ scene: String, kernel: DriverKernel) -> String {
    let runner = SceneRunner(kernel, scene: scene)
    for line in scene.split(separator: "\n", omittingEmptySubsequences: false).dropLast(
      scene.hasSuffix("\n") ? 1 : 0)
    {
      runner.line(line)
    }
    runner.end()
    return runner.trace
  }

  /// Files that somebody holds though every process is gone.
  private func end() {
    trace += "end ->"
    let blocked = workers.filter { $0.isPending && $0.result == nil && $0.process.isAlive }
    for (i, worker) in blocked.enumerated() {
      trace += "\(i == 0 ? " blocked:" : "") \(worker.process.name).\(worker.name)"
    }
    let unjoined = workers.filter { $0.result != nil }
    for worker in unjoined { trace += " unjoined: \(worker.process.name).\(worker.name)" }
    trace += blocked.isEmpty && unjoined.isEmpty ? " idle\n" : "\n"
    for process in processes where process.isAlive { kill(process) }
    precondition(files.openCount == 0, "\(files.openCount) files are still held")
  }

  // MARK: lines

  private func line(_ line: Substring) {
    let words = line.split(separator: " ")
    guard let first = words.first, !line.hasPrefix("#") else {
      trace += line + "\n"
      return
    }
    if first == "proc" {
      processes.append(
        SceneProcess(
          name: String(words[1]), parent: words.count > 3 ? String(words[3]) : nil,
          pid: Int32(1000 + processes.count), files: files))
      trace += line + "\n"
      return
    }
    if !hasStarted {
      hasStarted = true
      for process in processes where process.parent == nil { process.isAlive = true }
    }
    trace += line + " -> " + step(line, words) + "\n"
  }

  private func step(_ line: Substring, _ words: [Substring]) -> String {
    switch words[0] {
    case "kill":
      kill(process(words[1]))
      return "killed"
    case "signal":
      let who = words[1].split(separator: ".")
      signal(worker(process(who[0]), who.count > 1 ? who[1] : "0"))
      return "sent"
    case "settle": return "done"
    default: break
    }
    let colon = line.firstIndex(of: ":")!
    let who = line[..<colon].split(separator: ".")
    let process = process(who[0])
    let w = worker(process, who.count > 1 ? who[1] : "0")
    let action = line[line.index(after: colon)...].drop { $0 == " " }
    if action == "join" { return workers[w].isPending ? collect(w) : "nothing to join" }
    if workers[w].isPending { return "still busy" }
    if !process.isAlive { return "no process" }
    if action == "exit" {
      kill(process)
      return "exited"
    }
    workers[w].isPending = true
    workers[w].result = act(w, action.split(separator: " "))
    settle()
    return collect(w)
  }

  private func collect(_ w: Int) -> String {
    guard let result = workers[w].result else { return "blocked" }
    workers[w].result = nil
    workers[w].isPending = false
    return result
  }

  private func process(_ name: Substring) -> SceneProcess {
    processes.first { $0.name == String(name) }!
  }

  private func worker(_ process: SceneProcess, _ name: Substring) -> Int {
    if let known = workers.firstIndex(where: { $0.process === process && $0.name == name }) {
      return known
    }
    workers.append(Worker(process: process, name: String(name), tid: Int32(workers.count + 1)))
    return workers.count - 1
  }

  // MARK: what happens behind the steps

  /// Lets woken threads read on until nothing moves.
  private func settle() {
    while !driver.effects.isEmpty {
      let effects = driver.effects
      driver.effects.removeAll()
      for file in effects.closedFiles { files.release(file.rawValue) }
      for closed in effects.closedDescriptors {
        owner(closed.process)?.closeDescriptor(closed.descriptor)
      }
      for woken in effects.woken {
        guard
          let w = workers.firstIndex(where: {
            $0.read?.thread == woken.thread && $0.read?.open.id == woken.process
          })
        else { continue }
        let waiting = workers[w].read!
        workers[w].read = nil
        workers[w].result = read(w, waiting)
      }
    }
  }

  private func owner(_ id: DriverProcessID) -> SceneProcess? {
    processes.first { process in process.heldOpens.contains { $0.id == id && $0.opener === process }
    }
  }

  private func kill(_ process: SceneProcess) {
    for w in workers.indices where workers[w].process === process && workers[w].isPending {
      if workers[w].result == nil { workers[w].result = "process gone" }
      workers[w].read = nil
    }
    process.isAlive = false
    if let region = process.region, !process.isRegionGone { try? driver.unmap(region.open.id) }
    for open in process.heldOpens { try? driver.close(open.id) }
    for number in process.descriptors.keys { process.closeDescriptor(number) }
    settle()
  }

  private func signal(_ w: Int) {
    guard let waiting = workers[w].read else { return }
    workers[w].read = nil
    if let result = read(w, waiting) {
      workers[w].result = result
    } else {
      workers[w].read = nil
      driver.cancelWait(waiting.thread)
      driver.endCall(waiting.thread)
      workers[w].result = "EINTR" + waiting.written + " read=0"
    }
    settle()
  }

  // MARK: actions

  /// - Returns: the answer; nil when it is to come.
  private func act(_ w: Int, _ tokens: [Substring]) -> String? {
    let process = workers[w].process
    do {
      switch tokens[0] {
      case "io": return try io(w, tokens)
      case "open":
        open(process, nonblocking: tokens.contains("nonblock"))
        return "ok"
      case "start": return try start(w, tokens)
      case "mmap": return try map(process, tokens)
      case "munmap": return try unmap(process)
      case "mprotect": return "EACCES"
      case "close": return try close(process)
      case "fork":
        let child = self.process(tokens[1])
        child.inherit(from: process)
        for open in child.heldOpens { try driver.duplicate(open.id) }
        child.isAlive = true
        return "ok"
      case "fdtest": return "\(process.numbers(of: tokens[1]).count)"
      case "fdclose":
        let numbers = process.numbers(of: tokens[1])
        for number in numbers { process.closeDescriptor(number) }
        return "\(numbers.count)"
      case "seteuid":
        process.user = UInt32(SceneText.number(tokens[1]))
        return "ok"
      case "threadeuid": return "ok"
      case "peek": return peek(process, tokens)
      case "poll":
        guard let device = process.device else { return "ready" }
        return driver.isReady(device.id, tid: workers[w].tid) ? "ready in" : "not ready"
      default: return try SceneIoctl(runner: self, tokens).run(workers[w].tid, process)
      }
    } catch {
      return (error as! Errno).name
    }
  }

  private func open(_ process: SceneProcess, nonblocking: Bool) {
    let label = hasLabels ? Array("label".utf8) + [0] : nil
    let open = SceneOpen(
      id: driver.open(pid: process.pid, securityContext: label), opener: process,
      isNonblocking: nonblocking)
    process.device = open
    process.heldOpens.append(open)
  }

  private func start(_ w: Int, _ tokens: [Substring]) throws -> String {
    let process = workers[w].process
    open(process, nonblocking: false)
    _ = try map(process, tokens)
    let ioctl = SceneIoctl(runner: self, ["version"])
    _ = try ioctl.run(workers[w].tid, process)
    guard tokens.count > 2 else { return "ok" }
    let flags = tokens[2].hasPrefix("ctxmgr=") ? tokens[2].dropFirst(7) : nil
    return try SceneIoctl(runner: self, flags.map { ["ctxmgr_ext", $0, "0", "0"] } ?? ["ctxmgr"])
      .run(workers[w].tid, process)
  }

  private func map(_ process: SceneProcess, _ tokens: [Substring]) throws -> String {
    guard let device = process.device else { throw Errno.badFileDescriptor }
    // The system rounds lengths up.
    let length = (Int(SceneText.number(tokens[1])) + 4095) & ~4095
    _ = try driver.map(
      device.id, length: length, writable: tokens.contains("rw"), caller: process.pid)
    let address = 0x7000_0000_0000 + UInt64(process.pid) << 28
    try driver.setRegionAddress(device.id, address)
    process.region = SceneRegion(open: device, address: address, length: length)
    process.isRegionGone = false
    return "ok"
  }

  private func unmap(_ process: SceneProcess) throws -> String {
    guard let region = process.region else { throw Errno.invalidArgument }
    if !process.isRegionGone { try driver.unmap(region.open.id) }
    process.isRegionGone = true
    return "ok"
  }

  private func close(_ process: SceneProcess) throws -> String {
    guard let device = process.device else { throw Errno.badFileDescriptor }
    process.device = nil
    process.heldOpens.removeAll { $0 === device }
    try driver.close(device.id)
    return "ok"
  }

  private func peek(_ process: SceneProcess, _ tokens: [Substring]) -> String {
    let bytes = region(of: process)
    let offset = Int(SceneText.number(tokens[1]))
    let count = Int(SceneText.number(tokens[2]))
    guard offset + count <= bytes.count else { return "unreadable" }
    return SceneText.bytes(bytes[offset..<offset + count])
  }

  private func region(of process: SceneProcess) -> [UInt8] {
    guard let region = process.region, !process.isRegionGone else { return [] }
    return (try? driver.withRegion(region.open.id) { Array($0) }) ?? []
  }

  // MARK: io

  private func io(_ w: Int, _ tokens: [Substring]) throws -> String? {
    let process = workers[w].process
    guard let device = process.device else { throw Errno.badFileDescriptor }
    process.memory.forgetAll()
    var commands = SceneCommands(process)
    var cut = 0
    var isWriteBad = false
    var size: UInt64 = 0
    var isReadBad = false
    for command in tokens.dropFirst().split(whereSeparator: { $0 == ";" }) {
      let parts = command.split(
        separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let words = Array(parts[0])
      if words.first == "cut" {
        cut = Int(SceneText.number(words[1]))
      } else if words.first == "wbad" {
        isWriteBad = true
      } else if !words.isEmpty {
        commands.add(words)
      }
      if parts.count > 1 {
        size = SceneText.number(parts[1].first!)
        isReadBad = parts[1].contains("bad")
      }
    }
    let bytes = commands.bytes.bytes
    let address = isWriteBad ? 8 : process.memory.keep(bytes)
    let thread = try driver.beginCall(device.id, tid: workers[w].tid)
    var reader = CommandReader(
      address: address, size: UInt64(bytes.count - cut), kernel: driver.options.kernel)
    let error = write(&reader, thread, process, user: device.opener.user)
    let done = commands.ends.prefix { UInt64($0) <= reader.consumed }.count
    var text = commands.ends.isEmpty ? "" : " wrote=\(done)/\(commands.ends.count)"
    let over = Int(reader.consumed) - (done > 0 ? commands.ends[done - 1] : 0)
    if over != 0 { text += "+\(over) bytes" }
    if let error {
      driver.endCall(thread)
      return error.name + text + (size > 0 ? " read=0" : "")
    }
    guard size > 0 else {
      driver.endCall(thread)
      return "ok" + text
    }
    if isReadBad {
      driver.endCall(thread)
      return "EFAULT" + text + " read=0"
    }
    return read(w, WaitingRead(open: device, thread: thread, size: size, written: text))
  }

  private func write(
    _ reader: inout CommandReader, _ thread: DriverThreadID, _ process: SceneProcess, user: UInt32
  ) -> Errno? {
    var sender = SceneSender(
      memory: process.memory, descriptors: process.descriptors, files: files, user: user)
    do throws(Errno) {
      while let command = try reader.next(from: &sender) {
        switch driver.perform(command, by: thread) {
        case .done: break
        case .stop: return nil
        case .failed(let error): return error
        case .transaction(var pending):
          pending.fill(from: &sender)
          driver.finish(pending)
        }
        reader.commit()
      }
      return nil
    } catch {
      return driver.stopsWrites(thread) ? nil : error
    }
  }

  /// Reads, or notes that the thread waits.
  private func read(_ w: Int, _ waiting: WaitingRead) -> String? {
    let process = workers[w].process
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 8)
    defer { buffer.deallocate() }
    let step = driver.read(
      waiting.thread, into: buffer, size: waiting.size, nonblocking: waiting.open.isNonblocking)
    switch step {
    case .gone: return "EBADF" + waiting.written + " read=0"
    case .wouldBlock:
      driver.endCall(waiting.thread)
      return "EAGAIN" + waiting.written + " read=0"
    case .wait:
      workers[w].read = waiting
      return nil
    case .ready(var result):
      for (i, file) in result.files.enumerated() {
        result.install(process.add(file.rawValue, isCloseOnExec: true), at: i)
      }
      driver.finish(result)
      driver.endCall(waiting.thread)
      var printer = ScenePrinter(
        process, region: region(of: process),
        pidNames: Dictionary(uniqueKeysWithValues: processes.map { ($0.pid, $0.name) }))
      printer.show(WireText(bytes: Array(buffer[..<result.byteCount])))
      return "ok" + waiting.written + " read=\(result.byteCount)" + printer.text
    }
  }

  // MARK: what ioctls need

  func control(
    _ request: UInt32, _ argument: inout WireText, _ tid: Int32, _ process: SceneProcess
  ) throws(Errno) {
    guard let device = process.device else { throw .badFileDescriptor }
    var failure: Errno?
    argument.bytes.withUnsafeMutableBytes { bytes in
      do throws(Errno) {
        try driver.control(request, bytes, process: device.id, tid: tid, user: process.user)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  func freeze(_ request: FreezeRequest, _ tid: Int32, _ process: SceneProcess) throws(Errno) {
    guard let device = process.device else { throw .badFileDescriptor }
    let thread = try driver.beginCall(device.id, tid: tid)
    defer { driver.endCall(thread) }
    // Nothing else happens while a step runs: a timeout that is waited for expires.
    if try driver.beginFreeze(request) == .wait { try driver.endFreeze(request) }
  }

  func pid(_ name: Substring) -> Int32 { name == "?" ? 0x3ff_ffff : process(name).pid }
}
