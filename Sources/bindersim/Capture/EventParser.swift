/// From an event's name and fields to a typed event.
enum EventParser {
  /// - Parameter missingIsZero: fields that are not there are zero, as in protobuf.
  static func event(
    _ line: Span<UInt8>, name: Range<Int>, fields range: Range<Int>, missingIsZero: Bool = false
  ) throws(LineIssue) -> CaptureEvent {
    var start = name.lowerBound
    if !LineParser.hasWord(line, start, name.upperBound, "binder_") {
      guard isRust(line, name) else {
        let isConsole =
          name.count == 7 && LineParser.hasWord(line, start, name.upperBound, "console")
        return isConsole ? .console : .other
      }
      start += 5
    }
    let rest = start + 7..<name.upperBound
    var fields = FieldParser(range, missingIsZero: missingIsZero)
    let isTransaction = LineParser.hasWord(line, rest.lowerBound, rest.upperBound, "transaction")
    let event =
      isTransaction
      ? transactionEvent(line, rest.lowerBound + 11..<rest.upperBound, &fields)
      : otherEvent(line, rest, &fields)
    return try fields.checked(event)
  }

  /// Whether the event has the prefix that the mainline's Rust driver gives its events.
  static func isRust(_ line: Span<UInt8>, _ name: Range<Int>) -> Bool {
    LineParser.hasWord(line, name.lowerBound, name.upperBound, "rust_binder_")
  }

  private static func otherEvent(
    _ line: Span<UInt8>, _ rest: Range<Int>, _ fields: inout FieldParser
  ) -> CaptureEvent {
    func named(_ word: StaticString) -> Bool {
      rest.count == word.utf8CodeUnitCount
        && LineParser.hasWord(line, rest.lowerBound, rest.upperBound, word)
    }
    switch rest.count {
    case 5 where named("ioctl"): return .driver(.ioctl)
    case 6 where named("return"): return .returned(fields.id("cmd", line))
    case 7 where named("command"): return .command(fields.id("cmd", line))
    case 9 where named("read_done"): return .driver(.readDone)
    case 10 where named("write_done"): return .driver(.writeDone)
    case 10 where named("ioctl_done"): return .driver(.ioctlDone)
    case 12 where named("set_priority"):
      return .setPriority(
        process: fields.int32("proc", line), thread: fields.int32("thread", line))
    case 13 where named("wait_for_work"): return .driver(.waitForWork)
    case 17 where named("update_page_range"):
      return .updatePageRange(
        process: fields.int32("proc", line), allocate: fields.id("allocate", line) != 0,
        offset: fields.size("offset", line), size: fields.size("size", line))
    default:
      guard let step = pageStep(named) else { return .otherBinder }
      return .page(
        step, process: fields.int32("proc", line), index: fields.size("page_index", line))
    }
  }

  private static func transactionEvent(
    _ line: Span<UInt8>, _ suffix: Range<Int>, _ fields: inout FieldParser
  ) -> CaptureEvent {
    func named(_ word: StaticString) -> Bool {
      suffix.count == word.utf8CodeUnitCount
        && LineParser.hasWord(line, suffix.lowerBound, suffix.upperBound, word)
    }
    switch suffix.count {
    case 0: return .transaction(sentEvent(line, &fields))
    case 9 where named("_received"):
      return .received(transaction: fields.transaction(line))
    case 10 where named("_alloc_buf"):
      return .allocBuf(bufferEvent(line, &fields))
    case 15 where named("_buffer_release"):
      return .bufferRelease(releaseEvent(line, &fields))
    case 22 where named("_failed_buffer_release"):
      return .failedBufferRelease(releaseEvent(line, &fields))
    case 22 where named("_update_buffer_release"):
      return .updateBufferRelease(releaseEvent(line, &fields))
    case 16 where named("_thread_selected"):
      return .threadSelected(
        transaction: fields.transaction(line), thread: fields.int32("thread", line))
    case 8 where named("_fd_send") || named("_fd_recv"),
      11 where named("_ref_to_ref"),
      12 where named("_node_to_ref") || named("_ref_to_node"):
      return .translated(transaction: fields.transaction(line))
    default:
      return .otherBinder
    }
  }

  private static func sentEvent(
    _ line: Span<UInt8>, _ fields: inout FieldParser
  ) -> TransactionEvent {
    let id = fields.transaction(line)
    let node = fields.int32("dest_node", or: "target_node", line)
    let process = fields.int32("dest_proc", or: "to_proc", line)
    // One spelling of the Rust driver has the sender in the thread's place.
    let thread = fields.thread(line)
    var event = TransactionEvent(
      id: id, node: node, process: process, thread: thread ?? 0,
      isReply: fields.id("reply", line) != 0, flags: fields.id("flags", line),
      code: fields.id("code", line))
    if thread == nil {
      event.sender = fields.int32("from_proc", line)
      event.hasThread = false
    }
    return event
  }

  private static func bufferEvent(
    _ line: Span<UInt8>, _ fields: inout FieldParser
  ) -> BufferEvent {
    let transaction = fields.transaction(line)
    let dataSize = fields.size("data_size", line)
    let offsetsSize = fields.size("offsets_size", line)
    let extraSize = fields.optionalSize("extra_buffers_size", line)
    return BufferEvent(
      transaction: transaction, dataSize: dataSize, offsetsSize: offsetsSize,
      extraSize: extraSize ?? 0, hasExtraSize: extraSize != nil)
  }

  private static func releaseEvent(
    _ line: Span<UInt8>, _ fields: inout FieldParser
  ) -> BufferEvent {
    let transaction = fields.transaction(line)
    let dataSize = fields.optionalSize("data_size", line)
    let offsetsSize = fields.optionalSize("offsets_size", line)
    let extraSize = fields.optionalSize("extra_buffers_size", line)
    return BufferEvent(
      transaction: transaction, dataSize: dataSize ?? 0, offsetsSize: offsetsSize ?? 0,
      extraSize: extraSize ?? 0, hasExtraSize: extraSize != nil,
      hasSizes: dataSize != nil && offsetsSize != nil)
  }

  private static func pageStep(_ named: (StaticString) -> Bool) -> PageStep? {
    if named("alloc_lru_start") { return .allocLRUStart }
    if named("alloc_lru_end") { return .allocLRUEnd }
    if named("free_lru_start") { return .freeLRUStart }
    if named("free_lru_end") { return .freeLRUEnd }
    if named("alloc_page_start") { return .allocPageStart }
    if named("alloc_page_end") { return .allocPageEnd }
    if named("unmap_user_start") { return .unmapUserStart }
    if named("unmap_user_end") { return .unmapUserEnd }
    if named("unmap_kernel_start") { return .unmapKernelStart }
    if named("unmap_kernel_end") { return .unmapKernelEnd }
    return nil
  }
}
