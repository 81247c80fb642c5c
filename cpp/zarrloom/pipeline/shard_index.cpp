#include "zarrloom/pipeline/shard_index.h"

namespace zarrloom {
namespace {

// Also by the number of chunks: another array may have had its shards at this place.
std::string cache_name(const Dataset& dataset, const ShardPlace& shard) {
  return dataset.store->locate(shard.key) + '#' + std::to_string(shard.format().inner_chunks());
}

ShardIndexPtr as_index(const ByteCache::Value& value) {
  return std::static_pointer_cast<const ShardIndex>(value);
}

ShardIndexPtr decode_index(const Dataset& dataset, PartAnswer& answer, const ShardPlace& shard,
                           Recorder::Clock::time_point asked) {
  const ReadResult& result = answer.result;
  const auto index = std::make_shared<ShardIndex>();
  decode_gated(dataset, answer, shard.key, shard.format().encoded_size(),
               [&] { index->ranges = shard.format().decode(result.bytes, result.object_size); });
  index->version = std::move(answer.result.version);
  index->as_of = asked;
  if (!index->version.empty() && result.settled) {
    const std::size_t bytes = index->ranges.size() * sizeof(ShardRange);
    dataset.runtime->cache().put(cache_name(dataset, shard), index, bytes);
  }
  return index;
}

// The answer to a read of the index.
void answered(const Dataset& dataset, const ShardPlace& shard, Recorder::Clock::time_point asked,
              PartAnswer& answer, const IndexDone& done) {
  ShardIndexPtr index;
  std::optional<Failure> failure;
  try {
    if (answer.result.status == ReadResult::Status::failed) {
      throw Error(std::move(answer.result.failure));
    }
    if (answer.result.status == ReadResult::Status::found) {
      index = decode_index(dataset, answer, shard, asked);
    }
  } catch (...) {
    failure = current_failure();
  }
  done(std::move(index), std::move(failure));
}

void read_index(const Dataset& dataset, const ShardPlace& shard, const FetchControl& control,
                const Continue& later, PartDone done) {
  const ShardIndexFormat& format = shard.format();
  const std::size_t size = format.encoded_size();
  // A shard too short for its index is read up to its end, and refused by the size.
  const ByteRange range{.offset = 0, .length = size, .from_end = format.at_end()};
  read_part(
      dataset,
      {.key = shard.key, .range = range, .limit = size, .expected = size, .want_version = true},
      control, later, std::move(done));
}

bool gave_up(const std::optional<Failure>& failure) {
  return failure && (failure->code == ErrorCode::cancelled || failure->code == ErrorCode::deadline);
}

// Not from within the answer: what follows reads again, into the same scratch.
void read_at_once(const Dataset& dataset, const ShardPlace& shard, const FetchControl& control,
                  const IndexDone& done) {
  ShardIndexPtr found;
  std::optional<Failure> failed;
  try {
    const auto asked = Recorder::Clock::now();
    read_index(dataset, shard, control, {}, [&](PartAnswer& answer) {
      answered(dataset, shard, asked, answer,
               [&](ShardIndexPtr index, std::optional<Failure> failure) {
                 found = std::move(index);
                 failed = std::move(failure);
               });
    });
  } catch (...) {
    failed = current_failure();
  }
  done(std::move(found), std::move(failed));
}

void read_later(const Dataset& dataset, const ShardPlace& shard, const FetchControl& control,
                const Continue& later, const IndexDone& done) {
  try {
    read_index(dataset, shard, control, later,
               [&dataset, shard, done, asked = Recorder::Clock::now()](PartAnswer& answer) {
                 answered(dataset, shard, asked, answer, done);
               });
  } catch (...) {
    done(nullptr, current_failure());
  }
}

// One request serves all that wait for the index. That another one gave up is no answer, nor is it
// that the shard was missing when another one asked.
void read_for_all(const Dataset& dataset, const ShardPlace& shard, const FetchControl& control,
                  const Continue& later, const IndexDone& done) {
  SingleFlight& flights = dataset.runtime->flights();
  const std::string name = cache_name(dataset, shard);
  const auto first = std::make_shared<bool>(false);
  const auto waiter = [&dataset, shard, control, later, done, first](
                          const ByteCache::Value& value, const std::optional<Failure>& failure) {
    const bool no_answer = gave_up(failure) || (!failure && !value);
    if (!*first && no_answer) return read_later(dataset, shard, control, later, done);
    later([done, value, failure] { done(as_index(value), failure); });
  };
  if (!flights.join(name, waiter)) return;
  *first = true;  // nobody calls the waiter before the read below is answered
  read_later(dataset, shard, control, later,
             [&flights, name](const ShardIndexPtr& index, const std::optional<Failure>& failure) {
               for (const SingleFlight::Waiter& each : flights.take(name)) each(index, failure);
             });
}

}  // namespace

ShardPlace shard_place(const Dataset& dataset, const Dims& object) {
  return {dataset.object_key(object), dataset.codecs_of(Unit::object, object)};
}

void load_index(const Dataset& dataset, const ShardPlace& shard, IndexSource source,
                const FetchControl& control, const Continue& later, IndexDone done) {
  const bool at_once = dataset.store->capabilities().answers_inline;
  if (source == IndexSource::read) {
    return at_once ? read_at_once(dataset, shard, control, done)
                   : read_later(dataset, shard, control, later, done);
  }
  if (ShardIndexPtr index = as_index(dataset.runtime->cache().find(cache_name(dataset, shard)))) {
    dataset.runtime->recorder().add(Count::cache_hits);
    return done(std::move(index), std::nullopt);
  }
  if (at_once) return read_at_once(dataset, shard, control, done);
  read_for_all(dataset, shard, control, later, done);
}

void forget_index(const Dataset& dataset, const ShardPlace& shard) {
  dataset.runtime->cache().erase(cache_name(dataset, shard));
}

}  // namespace zarrloom
