/// From an event's name and fields to a typed event.
enum EventParser {
  static func event(
    _ line: Span<UInt8>, name: Range<Int>, fields range: Range<Int>
  ) throws(LineIssue) -> CaptureEvent {
    guard LineParser.hasWord(line, name.lowerBound, name.upperBound, "binder_") else {
      return .other
    }
    let rest = name.lowerBound + 7..<name.upperBound
    var fields = FieldParser(range)
    let isTransaction = LineParser.hasWord(line, rest.lowerBound, rest.upperBound, "transaction")
    let event =
      isTransaction
      ? transactionEvent(line, rest.lowerBound + 11..<rest.upperBound, &fields)
      : otherEvent(line, rest, &fields)
    return try fields.checked(event)
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
    case 0:
      return .transaction(
        TransactionEvent(
          id: fields.id("transaction", line), node: fields.int32("dest_node", line),
          process: fields.int32("dest_proc", line),
          thread: fields.int32("dest_thread", line),
          isReply: fields.id("reply", line) != 0, flags: fields.id("flags", line),
          code: fields.id("code", line)))
    case 9 where named("_received"):
      return .received(transaction: fields.id("transaction", line))
    case 10 where named("_alloc_buf"):
      return .allocBuf(bufferEvent(line, &fields))
    case 15 where named("_buffer_release"):
      return .bufferRelease(bufferEvent(line, &fields))
    case 22 where named("_failed_buffer_release"):
      return .failedBufferRelease(bufferEvent(line, &fields))
    case 8 where named("_fd_send") || named("_fd_recv"),
      11 where named("_ref_to_ref"),
      12 where named("_node_to_ref") || named("_ref_to_node"):
      return .translated(transaction: fields.id("transaction", line))
    default:
      return .otherBinder
    }
  }

  private static func bufferEvent(
    _ line: Span<UInt8>, _ fields: inout FieldParser
  ) -> BufferEvent {
    BufferEvent(
      transaction: fields.id("transaction", line),
      dataSize: fields.size("data_size", line),
      offsetsSize: fields.size("offsets_size", line),
      extraSize: fields.optionalSize("extra_buffers_size", line))
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
