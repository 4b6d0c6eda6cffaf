import BinderBuffer
import PageAlloc

/// Three processes whose threads write commands, whole, mutated or senseless, read, die and open
/// anew, while messages of others are half sent.
///
/// What a program may conclude from what it read is checked against a ledger kept here; what the
/// driver may conclude, by its own checks.
func fuzzDriver(_ bytes: [UInt8]) throws {
  var world = DriverWorld(bytes)
  while !world.input.isEmpty {
    try world.step()
    try world.drain()
    try world.check()
  }
  try world.end()
}

/// A process as its own program sees it.
private struct Program {
  var id: DriverProcessID
  let pid: Int32
  var isAlive = true
  var threads: [Int32: DriverThreadID] = [:]
  /// Delivered buffers that it has not freed: address, and the node if it was oneway.
  var buffers: [UInt64: UInt64?] = [:]
  /// Pointers whose owner was told of a strong or weak holder.
  var acquired: Set<UInt64> = []
  var increfed: Set<UInt64> = []
  /// Death notices that it asked for, by cookie.
  var deaths: Set<UInt64> = []
  /// Nodes with a oneway buffer in hand.
  var busyNodes: Set<UInt64> = []
  /// Threads with calls in hand.
  var working: [DriverThreadID: Int] = [:]
}

/// A sender's memory: the same few bytes at every address but 8.
private struct FuzzSender: SenderMemory {
  var bytes: [UInt8]
  var openFiles: Int

  mutating func copy(_ pieces: UnsafeBufferPointer<CopyPiece>) -> Int {
    var copied = 0
    for piece in pieces {
      guard piece.address != 8 else { return copied }
      for i in 0..<piece.target.count {
        let at = Int(truncatingIfNeeded: piece.address &+ UInt64(i)) & 0xfff
        piece.target[i] = at < bytes.count ? bytes[at] : 0
      }
      copied += piece.target.count
    }
    return copied
  }

  mutating func takeFile(_ descriptor: Int32) throws(Errno) -> FileToken {
    guard descriptor & 3 != 3 else { throw .badFileDescriptor }
    openFiles += 1
    return FileToken(rawValue: descriptor)
  }

  mutating func effectiveUser() -> UInt32 { 0 }
}

private struct DriverWorld: ~Copyable {
  var input: FuzzInput
  var driver: Driver
  var programs: [Program] = []
  var pending: [(PendingBox, Int)] = []
  /// Files in the driver's hands.
  var files = 0
  var nextCookie: UInt64 = 0x100

  init(_ bytes: [UInt8]) {
    input = FuzzInput(bytes)
    let kernel: DriverKernel = input.byte() & 1 == 0 ? .linux612 : .linux61
    driver = Driver(options: DriverOptions(kernel: kernel))
    for i in 0..<3 { programs.append(Self.open(&driver, pid: Int32(100 + i))) }
    _ = try? become(0)
  }

  private static func open(_ driver: inout Driver, pid: Int32) -> Program {
    let id = driver.open(pid: pid)
    _ = try? driver.map(id, length: 65536, caller: pid)
    try? driver.setRegionAddress(id, UInt64(pid) << 32)
    return Program(id: id, pid: pid)
  }

  private mutating func become(_ p: Int) throws {
    var argument = [UInt64](repeating: 0, count: 8)
    argument.withUnsafeMutableBytes {
      _ = try? driver.control(
        0x4004_6207, $0, process: programs[p].id, tid: 1, user: 0)
    }
  }

  mutating func step() throws {
    let choice = input.byte()
    let p = input.byte() % 3
    let tid = Int32(input.byte() % 3 + 1)
    if !programs[p].isAlive {
      programs[p] = Self.open(&driver, pid: programs[p].pid)
      return
    }
    switch choice {
    case 0..<105: try write(p, tid)
    case 105..<205: try read(p, tid)
    case 205..<225: finishOne()
    case 225..<232: try driver.exitThread(programs[p].id, tid: tid)
    case 232..<234: kill(p)
    case 234..<240: try become(p)
    case 240..<244: freeze(p)
    case 244..<248: control(p, tid)
    case 248..<251: if let thread = programs[p].threads[tid] { driver.cancelWait(thread) }
    default: try require(driver.isReady(programs[p].id, tid: 99), "an unknown thread is ready")
    }
  }

  private mutating func kill(_ p: Int) {
    driver.kill(programs[p].id)
    programs[p].isAlive = false
  }

  private mutating func freeze(_ p: Int) {
    let request = FreezeRequest(
      pid: programs[p].pid, freezes: input.byte() & 1 == 0, timeout: UInt32(input.byte() & 1))
    if (try? driver.beginFreeze(request)) == .wait { try? driver.endFreeze(request) }
  }

  private mutating func control(_ p: Int, _ tid: Int32) {
    let requests: [UInt32] = [
      0x4004_6205, 0xc004_6209, 0xc018_620b, 0xc018_620c, 0xc00c_620f, 0x4004_6210, 0xc00c_6211,
      0x4018_620d, 0x6262,
    ]
    var argument = (0..<8).map { _ in input.word() & 0x3 }
    let request = input.pick(requests)
    argument.withUnsafeMutableBytes {
      _ = try? driver.control(request, $0, process: programs[p].id, tid: tid, user: 0)
    }
  }

  // MARK: writing

  private mutating func write(_ p: Int, _ tid: Int32) throws {
    guard let thread = try? driver.beginCall(programs[p].id, tid: tid) else { return }
    programs[p].threads[tid] = thread
    // A thread whose message is half sent is inside its ioctl.
    guard !pending.contains(where: { $0.0.thread == thread }) else { return }
    if input.byte() < 24 {
      try writeBytes(p, thread)
    } else {
      let command = command(p, thread)
      perform(command, p, thread)
    }
    driver.endCall(thread)
  }

  /// Bytes as they come, through the decoder.
  private mutating func writeBytes(_ p: Int, _ thread: DriverThreadID) throws {
    let bytes = Array(input.take(input.byte()))
    var sender = FuzzSender(bytes: bytes, openFiles: 0)
    var reader = CommandReader(
      address: 0x1000, size: UInt64(bytes.count), kernel: driver.options.kernel)
    while let command = try? reader.next(from: &sender) {
      let before = reader.consumed
      guard perform(command, p, thread) else { break }
      reader.commit()
      try require(reader.consumed > before, "a command has bytes")
      guard !pending.contains(where: { $0.0.thread == thread }) else { break }
    }
  }

  private mutating func command(_ p: Int, _ thread: DriverThreadID) -> Command {
    let handle = UInt32(input.pick(p == 0 ? [1, 1, 1, 1, 2, 2, 3, 0] : [0, 0, 0, 0, 0, 1, 2, 9]))
    let pointer = UInt64(input.byte() % 4 + 1) * 0x10
    let cookie = pointer + (input.byte() == 0 ? 1 : 0)
    if programs[p].working[thread] != nil, input.byte() < 128 {
      return .transaction(message(0, isReply: true))
    }
    switch input.byte() % 16 {
    case 0, 1, 2, 3, 4: return .transaction(message(handle, isReply: false))
    case 5: return .transaction(message(0, isReply: input.byte() < 32))
    case 6: return .freeBuffer(programs[p].buffers.keys.min() ?? 0x10)
    case 7, 8:
      return .reference(
        handle: handle, strong: input.byte() & 3 != 0, increment: input.byte() < 160)
    case 9, 10: return .done(pointer: pointer, cookie: cookie, strong: input.byte() & 1 == 0)
    case 11: return input.pick([.registerLooper, .enterLooper, .exitLooper])
    case 12:
      nextCookie += 1
      programs[p].deaths.insert(nextCookie)
      return .death(handle: handle, cookie: nextCookie, clear: false)
    case 13:
      let back = UInt64(input.byte() % 8)
      return .death(handle: handle, cookie: nextCookie - back, clear: true)
    case 14: return .deathDone(cookie: nextCookie - UInt64(input.byte() % 8))
    default:
      let clear = input.byte() & 1 == 0
      return input.byte() & 3 == 0
        ? .freezeDone(cookie: 7) : .freeze(handle: handle, cookie: 7, clear: clear)
    }
  }

  private mutating func message(_ handle: UInt32, isReply: Bool) -> TransactionCommand {
    let flags: UInt32 = [0, 0, 0x10, 0x01, 0x01, 0x21, 0x41, UInt32(input.byte())][input.byte() % 8]
    var command = TransactionCommand(
      handle: handle, isReply: isReply, code: UInt32(input.byte() & 3), flags: flags)
    let objects = input.pick([0, 0, 0, 0, 1, 1, 2, 4])
    command.data = input.byte() == 0 ? 8 : 0x1000
    command.dataSize = UInt64(input.byte() < 8 ? 0 : objects * 40 + 8)
    command.offsets = 0x1800
    command.offsetsSize = UInt64(objects * 8 + (input.byte() == 0 ? 4 : 0))
    command.extraSize = input.byte() < 200 ? UInt64(objects * 32) : UInt64(input.byte())
    return command
  }

  /// A message with objects at 8, 48, 88, …, each cut to fit.
  private mutating func contents() -> [UInt8] {
    var data = [UInt8](repeating: 0, count: 0x900)
    let types: [UInt32] = [
      0x7362_2a85, 0x7362_2a85, 0x7362_2a85, 0x7762_2a85, 0x7368_2a85, 0x7768_2a85, 0x6664_2a85,
      0x6664_6185, 0x7074_2a85,
      UInt32(input.byte()),
    ]
    for i in 0..<4 {
      let at = 8 + 40 * i
      func put(_ value: UInt64, _ offset: Int, _ count: Int = 8) {
        for k in 0..<count { data[at + offset + k] = UInt8(truncatingIfNeeded: value >> (8 * k)) }
      }
      let type = input.byte() < 8 ? UInt32(input.byte()) : input.pick(types)
      put(UInt64(type), 0, 4)
      put(UInt64(input.byte() & 1) | (input.byte() < 200 ? 0x100 : 0), 4, 4)
      let pointer = UInt64(input.byte() % 4 + 1) * 0x10
      let isHandle = type & 0x00ff_0000 != 0x62_0000 && input.byte() < 240
      put(isHandle ? UInt64(input.pick([0, 1, 1, 1, 2, 2, 3, 4])) : pointer, 8)
      put(isHandle ? UInt64(input.byte() % 16) : pointer, 16)
      put(UInt64(input.byte() % 4), 24)
      put(UInt64(input.byte() % 4 * 4), 32)
      let offset = input.byte() < 8 ? UInt64(input.byte()) : UInt64(at)
      for k in 0..<8 { data[0x800 + 8 * i + k] = UInt8(truncatingIfNeeded: offset >> (8 * k)) }
    }
    return data
  }

  /// - Returns: whether the command is done.
  @discardableResult
  private mutating func perform(_ command: Command, _ p: Int, _ thread: DriverThreadID) -> Bool {
    if case .freeBuffer(let address) = command, programs[p].buffers[address] != nil {
      if let node = programs[p].buffers[address]! { programs[p].busyNodes.remove(node) }
    }
    switch driver.perform(command, by: thread) {
    case .done:
      if case .freeBuffer(let address) = command { programs[p].buffers[address] = nil }
      return true
    case .stop:
      // Not freed after all.
      if case .freeBuffer(let address) = command, let node = programs[p].buffers[address] ?? nil {
        programs[p].busyNodes.insert(node)
      }
      return false
    case .failed: return false
    case .transaction(let transaction):
      if case .transaction(let message) = command, message.isReply {
        programs[p].working[thread] = nil
      }
      let box = PendingBox(transaction, thread, FuzzSender(bytes: contents(), openFiles: 0))
      pending.append((box, p))
      if input.byte() < 200 { finish(pending.count - 1) }
      return true
    }
  }

  private mutating func finishOne() {
    if !pending.isEmpty { finish(input.byte() % pending.count) }
  }

  private mutating func finish(_ i: Int) {
    let (box, _) = pending.remove(at: i)
    files += box.fill()
    driver.finish(box.take())
  }

  // MARK: reading

  private mutating func read(_ p: Int, _ tid: Int32) throws {
    guard let thread = try? driver.beginCall(programs[p].id, tid: tid) else { return }
    programs[p].threads[tid] = thread
    guard !pending.contains(where: { $0.0.thread == thread }) else { return }
    let size = input.pick([256, 512, 80, 119, 48, 2, 4096])
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
    defer { buffer.deallocate() }
    let step = driver.read(
      thread, into: buffer, size: UInt64(size), nonblocking: input.byte() & 1 == 0)
    guard case .ready(var result) = step else { return }
    driver.endCall(thread)
    var count = result.byteCount
    if !result.files.isEmpty {
      files -= result.files.count
      if input.byte() & 7 == 0 {
        count = driver.installFailed(result, in: buffer)
      } else {
        for i in result.files.indices { result.install(Int32(1000 + i), at: i) }
        driver.finish(result)
      }
    }
    try note(Array(buffer[..<count]), p, thread)
  }

  /// Checks what was read against what the program knows.
  private mutating func note(_ bytes: [UInt8], _ p: Int, _ thread: DriverThreadID) throws {
    var i = 0
    func word(_ at: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
    }
    while i < bytes.count {
      let code = UInt32(truncatingIfNeeded: word32(bytes, i))
      let size = Int(code >> 16 & 0x3fff)
      try require(i + 4 + size <= bytes.count, "a return is whole")
      let at = i + 4
      i = at + size
      let pointer = size >= 8 ? word(at) : 0
      switch code & 0xffff {
      case 0x7202 where size >= 64, 0x7203:
        let isReply = code & 0xffff == 0x7203
        let isOneway = !isReply && word32(bytes, at + 20) & 1 != 0
        let address = word(at + 48)
        try require(programs[p].buffers[address] == nil, "a buffer is delivered once")
        let node = word(at)
        if !isReply, !isOneway { programs[p].working[thread, default: 0] += 1 }
        programs[p].buffers[address] = .some(isOneway ? node : nil)
        if isOneway {
          try require(
            programs[p].busyNodes.insert(node).inserted, "oneway calls come one at a time")
        }
      case 0x7207: try Self.told(&programs[p].increfed, pointer, true, "BR_INCREFS")
      case 0x7208: try Self.told(&programs[p].acquired, pointer, true, "BR_ACQUIRE")
      case 0x7209: try Self.told(&programs[p].acquired, pointer, false, "BR_RELEASE")
      case 0x720a: try Self.told(&programs[p].increfed, pointer, false, "BR_DECREFS")
      case 0x720f:
        try require(programs[p].deaths.remove(word(at)) != nil, "a death is told once")
      default: break
      }
    }
  }

  private func word32(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
  }

  private static func told(
    _ set: inout Set<UInt64>, _ pointer: UInt64, _ isHeld: Bool, _ what: String
  ) throws {
    let isNew = isHeld ? set.insert(pointer).inserted : set.remove(pointer) != nil
    try require(isNew, "\(what) of \(pointer) comes in turn")
  }

  // MARK: judging

  mutating func drain() throws {
    files -= driver.effects.closedFiles.count
    try require(files >= 0, "a file is closed once")
    driver.effects.removeAll()
  }

  func check() throws { try driver.checkInvariants() }

  /// After everybody's death nothing is left.
  mutating func end() throws {
    for p in 0..<3 where programs[p].isAlive { kill(p) }
    try check()
    while !pending.isEmpty { finish(0) }
    try drain()
    try check()
    try require(driver.census, DriverCensus(), "nothing is left when all are dead")
    try require(files, 0, "every file that was taken was closed or delivered")
  }
}

/// A message that is half sent.
private final class PendingBox {
  private var pending: PendingTransaction?
  private var sender: FuzzSender
  let thread: DriverThreadID

  init(_ pending: consuming PendingTransaction, _ thread: DriverThreadID, _ sender: FuzzSender) {
    self.pending = consume pending
    self.thread = thread
    self.sender = sender
  }

  /// - Returns: the files that were taken.
  func fill() -> Int {
    pending!.fill(from: &sender)
    return sender.openFiles
  }

  func take() -> PendingTransaction { pending.take()! }
}
