#include "sources/kafka_group.h"

#include <librdkafka/rdkafka.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <string_view>

namespace driftd {
namespace {

// The answer comes at most so much later than the request's own time-out.
constexpr int kAnswerMarginMs = 500;

// librdkafka's mock cluster (the demo's broker) knows no groups from outside, and librdkafka 2.0.2
// locks itself up when it finds that out: its main thread waits for ever for a lock of its own.
constexpr std::string_view kMockClusterId = "mockCluster";

[[nodiscard]] Error error_of(rd_kafka_resp_err_t code, const char* text) {
  const bool unsupported = code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
                           code == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED ||
                           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
  return {unsupported ? ErrorCode::rejected : ErrorCode::unavailable,
          fmt::format("the brokers do not say who is in the consumer group: {}", text)};
}

[[nodiscard]] GroupMember member_of(const rd_kafka_MemberDescription_t* description,
                                    std::string_view own_prefix) {
  GroupMember member;
  const char* const instance = rd_kafka_MemberDescription_group_instance_id(description);
  if (instance != nullptr && *instance != '\0') {
    member.name = instance;
    member.own = member.name.starts_with(own_prefix);
  } else {
    member.name = rd_kafka_MemberDescription_consumer_id(description);
  }
  const rd_kafka_MemberAssignment_t* assignment =
      rd_kafka_MemberDescription_assignment(description);
  const rd_kafka_topic_partition_list_t* list =
      assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  for (int i = 0; list != nullptr && i < list->cnt; ++i)
    member.partitions.push_back({list->elems[i].topic, list->elems[i].partition});
  return member;
}

}  // namespace

bool GroupView::has_others() const {
  return std::ranges::any_of(members, [](const GroupMember& member) { return !member.own; });
}

bool GroupView::is_assigned(const std::string& topic, std::int32_t partition) const {
  return std::ranges::any_of(members, [&](const GroupMember& member) {
    return std::ranges::any_of(member.partitions, [&](const TopicPartition& one) {
      return one.topic == topic && one.partition == partition;
    });
  });
}

ForeignPartitions foreign_partitions(const GroupView& view,
                                     const std::vector<std::string>& topics) {
  ForeignPartitions foreign;
  for (const GroupMember& member : view.members) {
    if (member.own) continue;
    std::string list;
    for (const TopicPartition& one : member.partitions) {
      if (std::ranges::find(topics, one.topic) == topics.end()) continue;
      ++foreign.count;
      list += fmt::format("{}{}[{}]", list.empty() ? "" : ", ", one.topic, one.partition);
    }
    if (list.empty()) continue;
    foreign.who += fmt::format("{}{} ({})", foreign.who.empty() ? "" : ", ", member.name, list);
  }
  return foreign;
}

KafkaGroup::KafkaGroup(rd_kafka_s* client, std::string group_id, std::string own_prefix)
    : client_(client),
      group_id_(std::move(group_id)),
      own_prefix_(std::move(own_prefix)),
      queue_(rd_kafka_queue_new(client)) {}

std::optional<Error> KafkaGroup::obstacle(int timeout_ms) const {
  char* const id = rd_kafka_clusterid(client_, timeout_ms);
  if (id == nullptr) return error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "no broker answers");
  const bool is_mock = std::string_view(id).starts_with(kMockClusterId);
  rd_kafka_mem_free(client_, id);
  if (!is_mock) return std::nullopt;
  return error_of(RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, "a mock cluster has no answer");
}

void KafkaGroup::send(rd_kafka_queue_s* to, int timeout_ms) {
  const std::unique_ptr<rd_kafka_AdminOptions_t, decltype(&rd_kafka_AdminOptions_destroy)> options(
      rd_kafka_AdminOptions_new(client_, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS),
      rd_kafka_AdminOptions_destroy);
  char text[256] = "";
  // Refused only where it is out of librdkafka's range, which a named constant is not.
  (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, text, sizeof text);
  const char* group = group_id_.c_str();
  rd_kafka_DescribeConsumerGroups(client_, &group, 1, options.get(), to);
}

std::optional<Result<GroupView>> KafkaGroup::receive(rd_kafka_queue_s* from, int timeout_ms) {
  const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
      rd_kafka_queue_poll(from, timeout_ms), rd_kafka_event_destroy);
  if (!event) return std::nullopt;
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return std::unexpected(error_of(error, rd_kafka_event_error_string(event.get())));
  const auto* result = rd_kafka_event_DescribeConsumerGroups_result(event.get());
  std::size_t count = 0;
  const auto* const* groups =
      result == nullptr ? nullptr : rd_kafka_DescribeConsumerGroups_result_groups(result, &count);
  if (count != 1) return std::unexpected(error_of(RD_KAFKA_RESP_ERR__BAD_MSG, "no group"));
  if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(groups[0])) {
    return std::unexpected(error_of(rd_kafka_error_code(error), rd_kafka_error_string(error)));
  }
  GroupView view;
  view.stable =
      rd_kafka_ConsumerGroupDescription_state(groups[0]) == RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
  const std::size_t members = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
  for (std::size_t i = 0; i < members; ++i) {
    view.members.push_back(
        member_of(rd_kafka_ConsumerGroupDescription_member(groups[0], i), own_prefix_));
  }
  return view;
}

Result<GroupView> KafkaGroup::describe(int timeout_ms) {
  if (auto error = obstacle(timeout_ms)) return std::unexpected(std::move(*error));
  const KafkaQueue queue(rd_kafka_queue_new(client_));
  send(queue.get(), timeout_ms);
  if (auto view = receive(queue.get(), timeout_ms + kAnswerMarginMs)) return *view;
  return std::unexpected(error_of(RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer in time"));
}

void KafkaGroup::ask(int timeout_ms) {
  if (std::exchange(asked_, true)) return;
  refused_ = obstacle(0);
  if (!refused_) send(queue_.get(), timeout_ms);
}

std::optional<Result<GroupView>> KafkaGroup::answer() {
  if (!asked_) return std::nullopt;
  if (refused_) {
    asked_ = false;
    return std::unexpected(*std::exchange(refused_, std::nullopt));
  }
  auto view = receive(queue_.get(), 0);
  if (view) asked_ = false;
  return view;
}

}  // namespace driftd
