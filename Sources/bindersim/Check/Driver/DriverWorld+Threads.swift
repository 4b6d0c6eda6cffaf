internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// What threads do: write commands, read, and wait.
extension DriverWorld {
  /// Some thread of a program does what it can.
  func playThread(of program: DriverModel.Process) throws(InvariantViolation) {
    let first = Int32(pick(Int(habits.threads)))
    for i in 0..<habits.threads {
      let tid = (first + i) % habits.threads + 1
      guard let thread = program.threads[tid] else { return try call(program, tid) }
      // One that sends is in the middle of its call.
      if parked.contains(where: { $0.model.thread === thread }) { continue }
      guard thread.waits != .nothing else { return try call(program, tid) }
      if thread.isWoken { return try read(thread) }
      if oneIn(12) { return try signal(thread) }
    }
    if !parked.isEmpty { try finishParked(pick(parked.count)) }
  }

  private func signal(_ thread: DriverModel.Thread) throws(InvariantViolation) {
    driver.cancelWait(thread.id)
    model.stopWaiting(thread)
    endCall(thread)
    try settleEffects("a signal")
  }

  /// An ioctl of a thread, mostly `BINDER_WRITE_READ`.
  private func call(_ program: DriverModel.Process, _ tid: Int32) throws(InvariantViolation) {
    if oneIn(16) { return try takeExtendedError(program, tid) }
    let thread = try begin(program, tid)
    let choice = pick(8)
    if choice < 6 {
      var commands: [DriverCommand] = []
      for _ in 0...pick(3) {
        commands.append(command(for: thread))
        // How wrong bytes are read depends on what follows.
        if case .wrong = commands.last { break }
      }
      guard try write(commands, thread) else { return }
    }
    if choice >= 2 { try read(thread) } else { endCall(thread) }
  }

  func begin(
    _ program: DriverModel.Process, _ tid: Int32
  ) throws(InvariantViolation) -> DriverModel.Thread {
    do throws(Errno) {
      let id = try driver.beginCall(program.id, tid: tid)
      if let known = program.threads[tid] {
        guard known.id == id else { throw .badFileDescriptor }
        return known
      }
      let thread = DriverModel.Thread(tid: tid, id: id, process: program)
      program.threads[tid] = thread
      return thread
    } catch {
      throw InvariantViolation("a thread may call", expected: "no error", found: "\(error)")
    }
  }

  func endCall(_ thread: DriverModel.Thread) {
    driver.endCall(thread.id)
    thread.returnsAtOnce = false
  }

  // MARK: writing

  /// - Returns: whether the thread goes on to read.
  private func write(
    _ commands: [DriverCommand], _ thread: DriverModel.Thread
  ) throws(InvariantViolation) -> Bool {
    let bytes = commands.flatMap(\.bytes)
    var memory = DriverSender(commands: bytes)
    var reader = CommandReader(
      address: DriverSender.commands, size: UInt64(bytes.count), kernel: driver.options.kernel)
    var consumed = 0
    for command in commands {
      checksum.add(command.bytes.count)
      switch try perform(command, thread, &reader, &memory) {
      case .next: consumed += command.bytes.count
      case .end:
        try require("what a write consumed", Int(reader.consumed), is: consumed)
        return true
      case .failed:
        try require("what a write consumed", Int(reader.consumed), is: consumed)
        endCall(thread)
        return false
      case .parked: return false
      }
    }
    try require("what a write consumed", Int(reader.consumed), is: bytes.count)
    return true
  }

  private enum Progress { case next, end, failed, parked }

  private func perform(
    _ command: DriverCommand, _ thread: DriverModel.Thread, _ reader: inout CommandReader,
    _ memory: inout DriverSender
  ) throws(InvariantViolation) -> Progress {
    let decoded: Command?
    do throws(Errno) {
      decoded = try reader.next(from: &memory)
    } catch {
      // Nobody looks at what comes after an error that waits to be read.
      let stops = driver.stopsWrites(thread.id)
      let found = stops ? "stop" : "\(error)"
      try agree(found, model.perform(command, thread, fault: nil), command)
      return stops ? .end : .failed
    }
    guard let decoded else {
      throw InvariantViolation("\(command) is read", expected: "a command", found: "the end")
    }
    let injected = faults.injected
    let step = driver.perform(decoded, by: thread.id)
    switch consume step {
    case .done:
      let fault: Errno? = faults.injected > injected ? .noMemory : nil
      try agree("done", model.perform(command, thread, fault: fault), command)
      reader.commit()
      countRefused(command)
      return .next
    case .stop:
      try agree("stop", model.perform(command, thread, fault: nil), command)
      return .end
    case .failed(let errno):
      try agree("\(errno)", model.perform(command, thread, fault: nil), command)
      return .failed
    case .transaction(let pending):
      let outcome = model.perform(command, thread, fault: nil)
      guard case .transaction(let expected) = outcome else {
        throw InvariantViolation(
          "\(name(command)) is answered", expected: name(outcome), found: "to be filled")
      }
      try settleEffects(name(command))
      reader.commit()
      parked.append(ParkedMessage(pending, DriverSender(expected.message), expected))
      if oneIn(habits.parks) { return .parked }
      try finishParked(parked.count - 1, ending: false)
      return .next
    }
  }

  private func agree(
    _ found: String, _ outcome: DriverModel.Outcome, _ command: DriverCommand
  ) throws(InvariantViolation) {
    try require("\(name(command)) is answered", found, is: name(outcome))
    try settleEffects(name(command))
  }

  private func countRefused(_ command: DriverCommand) {
    if case .transaction = command { tally.refused += 1 }
  }

  private func name(_ outcome: DriverModel.Outcome) -> String {
    switch outcome {
    case .done: "done"
    case .stop: "stop"
    case .failed(let errno): "\(errno)"
    case .transaction: "to be filled"
    }
  }

  private func name(_ command: DriverCommand) -> String {
    switch command {
    case .transaction(_, let handle, let isReply): isReply ? "a reply" : "a call of \(handle)"
    default: "\(command)"
    }
  }

  /// The second step of a message that is half sent.
  ///
  /// - Parameter ending: the sender's call ends with it.
  func finishParked(_ i: Int, ending: Bool = true) throws(InvariantViolation) {
    let message = parked.remove(at: i)
    let thread = message.model.thread
    // A sender that died is not asked for its memory.
    let isFilled = thread.process.isAlive || oneIn(2)
    message.sender.nextToken = nextToken
    message.model.message.firstToken = nextToken
    if isFilled { message.fill() }
    nextToken = message.sender.nextToken
    openTokens.formUnion(message.sender.taken)
    driver.finish(message.take())
    let refused = model.transactions.count
    model.finish(message.model, isFilled: isFilled)
    if model.transactions.count > refused { tally.sent += 1 } else { tally.refused += 1 }
    try settleEffects("a message that is handed over")
    if ending, thread.process.threads[thread.tid] === thread { endCall(thread) }
  }

  // MARK: reading

  func read(_ thread: DriverModel.Thread) throws(InvariantViolation) {
    let nonblocking = thread.waits == .nothing && oneIn(4)
    let size = oneIn(12) ? one(of: [4, 48, 79, 80, 100, 120]) : 4096
    thread.isWoken = false
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 8)
    defer { unsafe buffer.deallocate() }
    let step = unsafe driver.read(
      thread.id, into: buffer, size: UInt64(size), nonblocking: nonblocking)
    var events: [DriverEvent] = []
    var address: UInt64?
    if case .ready(let result) = step {
      (events, address) = try decode(unsafe [UInt8](buffer[..<result.byteCount]))
    }
    let expected = model.read(
      thread, size: min(size, 512), nonblocking: nonblocking, address: address)
    switch (step, expected) {
    case (.wait, .wait): try settleEffects("a read that waits")
    case (.wouldBlock, .wouldBlock):
      try settleEffects("a read that finds nothing")
      endCall(thread)
    case (.ready(let result), .ready(let told, let transaction, let tokens)):
      try require("what thread \(thread.process.pid).\(thread.tid) reads", events, is: told)
      try settleEffects("a read")
      endCall(thread)
      for event in events { checksum.add(Int(event.code)) }
      guard let transaction else { return }
      tally.delivered += 1
      try require("the files of a message", result.files.map(\.rawValue), is: tokens)
      guard !tokens.isEmpty else {
        return try checkContents(transaction, at: address, descriptors: [])
      }
      try unsafe deliverFiles(result, transaction, thread, address, buffer)
    default:
      throw InvariantViolation(
        "how a read of \(thread.process.pid).\(thread.tid) ends", expected: "\(name(expected))",
        found: "\(name(step, events))")
    }
  }

  private func name(_ reading: DriverModel.Reading) -> String {
    switch reading {
    case .wait: "waits"
    case .wouldBlock: "EAGAIN"
    case .ready(let events, _, _): "\(events)"
    }
  }

  private func name(_ step: ReadStep, _ events: [DriverEvent]) -> String {
    switch step {
    case .wait: "waits"
    case .wouldBlock: "EAGAIN"
    case .ready: "\(events)"
    case .gone: "gone"
    }
  }

  /// The receiver of a read gets its files, or cannot, or dies before it has them.
  private func deliverFiles(
    _ result: ReadResult, _ transaction: DriverModel.Transaction, _ thread: DriverModel.Thread,
    _ address: UInt64?, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(InvariantViolation) {
    var result = result
    openTokens.subtract(result.files.map(\.rawValue))
    tally.files += result.files.count
    if oneIn(6) {
      let wasReply = transaction.isReply
      let count = unsafe driver.installFailed(result, in: buffer)
      model.installFailed(transaction, thread)
      let last = try decode(unsafe [UInt8](buffer[..<count])).0.last
      if wasReply {
        try require(
          "a reply whose files cannot be had", last?.code, is: bb_br_failed_reply.rawValue)
      } else {
        try require("a call whose files cannot be had", last?.fields.count ?? 0 >= 9, is: false)
      }
      return try settleEffects("files that cannot be had")
    }
    var descriptors: [Int32] = []
    for i in result.files.indices {
      lastDescriptor += 1
      descriptors.append(lastDescriptor)
      result.install(lastDescriptor, at: i)
    }
    if oneIn(30), let i = programs.firstIndex(where: { $0 === thread.process }) {
      try kill(i, thread.process)
      driver.finish(result)
      return try settleEffects("files of the dead")
    }
    driver.finish(result)
    model.install(transaction, descriptors, address: address)
    for descriptor in transaction.buffer.arrayDescriptors {
      arrayDescriptors[descriptor] = thread.process.pid
    }
    try settleEffects("files that are delivered")
    try checkContents(transaction, at: address, descriptors: descriptors)
  }
}
