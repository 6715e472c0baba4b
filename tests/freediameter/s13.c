/* S13 for freeDiameter: the dictionary of TS 29.272, and either an MME that sends checks or an EIR that gives every ECR the same answer.
 * LoadExtension = "s13.fdx" : "mode=ask;peer=eir.example;realm=example;checks=10000;window=64;watchdog=1";
 * LoadExtension = "s13.fdx" : "mode=answer";
 * In mode "ask" it waits for the peer, sends the checks, waits for answered watchdogs of its own if configured, prints the answers in one line that begins with "s13-asked:", and ends freeDiameter (DPR). */
#include <freeDiameter/extension.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TGPP = 10415, S13 = 16777252, ECX = 324, DWX = 280, TOO_BUSY = 3004, PEER_SECONDS = 60, WATCHDOG_SECONDS = 60 };

static struct dict_object *ecr, *terminal, *imei, *software, *status, *session_state, *realm_avp, *user_name, *result_code;
static char peer_id[256], realm[256];
static int checks = 10000, window = 64, watchdog;
static sem_t room, heard;
static atomic_int answered, white, grey, black, other, busy;

static int ask(int number);

static int value_of(const char *text, const char *key, char *into, size_t size) {
    const char *at = strstr(text, key);
    if (!at) return 0;
    at += strlen(key);
    size_t length = strcspn(at, ";");
    if (length >= size) return 0;
    memcpy(into, at, length);
    into[length] = 0;
    return 1;
}

static int number_of(const char *text, const char *key, int usual) {
    char value[32];
    return value_of(text, key, value, sizeof value) ? atoi(value) : usual;
}

static int avp_of(struct dict_object **made, int code, char *name, enum dict_avp_basetype type) {
    struct dict_avp_data data = { code, TGPP, name, AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY, AVP_FLAG_VENDOR | AVP_FLAG_MANDATORY, type };
    return fd_dict_new(fd_g_config->cnf_dict, DICT_AVP, &data, NULL, made);
}

static int base_avp(struct dict_object **found, char *name) {
    return fd_dict_search(fd_g_config->cnf_dict, DICT_AVP, AVP_BY_NAME, name, found, ENOENT);
}

static int add(msg_or_avp *into, struct dict_object *model, const char *text, uint32_t number) {
    struct avp *avp;
    union avp_value value;
    CHECK_FCT(fd_msg_avp_new(model, 0, &avp));
    memset(&value, 0, sizeof value);
    if (text) { value.os.data = (uint8_t *)text; value.os.len = strlen(text); }
    else value.u32 = number;
    CHECK_FCT(fd_msg_avp_setvalue(avp, &value));
    return fd_msg_avp_add(into, MSG_BRW_LAST_CHILD, avp);
}

/* A request that a node answers with "too busy" is sent again, as an MME does with another node. */
static int is_busy(struct msg *message) {
    struct avp *found = NULL;
    struct avp_hdr *head;
    return !fd_msg_search_avp(message, result_code, &found) && found && !fd_msg_avp_hdr(found, &head) && head->avp_value && head->avp_value->u32 == TOO_BUSY;
}

static void on_answer(void *number, struct msg **message) {
    struct avp *found = NULL;
    struct avp_hdr *head;
    if (is_busy(*message)) {
        fd_msg_free(*message);
        *message = NULL;
        busy++;
        if (!ask((int)(intptr_t)number)) return;
        other++;
    } else if (!fd_msg_search_avp(*message, status, &found) && found && !fd_msg_avp_hdr(found, &head) && head->avp_value) {
        switch (head->avp_value->i32) {
        case 0: white++; break;
        case 1: black++; break;
        case 2: grey++; break;
        default: other++;
        }
    } else other++;
    if (*message) fd_msg_free(*message);
    *message = NULL;
    answered++;
    sem_post(&room);
}

static int ask(int number) {
    struct msg *request;
    struct avp *group;
    char digits[24];
    snprintf(digits, sizeof digits, "86650704%06d", number % 1000000);
    CHECK_FCT(fd_msg_new(ecr, MSGFL_ALLOC_ETEID, &request));
    CHECK_FCT(fd_msg_new_session(request, (os0_t)"s13", 3));
    CHECK_FCT(add(request, session_state, NULL, 1));
    CHECK_FCT(fd_msg_add_origin(request, 0));
    CHECK_FCT(add(request, realm_avp, realm, 0));
    CHECK_FCT(fd_msg_avp_new(terminal, 0, &group));
    CHECK_FCT(add(group, imei, digits, 0));
    CHECK_FCT(add(group, software, "01", 0));
    CHECK_FCT(fd_msg_avp_add(request, MSG_BRW_LAST_CHILD, group));
    CHECK_FCT(add(request, user_name, "410010000000001", 0));
    return fd_msg_send(&request, on_answer, (void *)(intptr_t)number);
}

static void on_message(enum fd_hook_type type, struct msg *message, struct peer_hdr *peer, void *more, struct fd_hook_permsgdata *data, void *registered) {
    struct msg_hdr *head;
    (void)type; (void)peer; (void)more; (void)data; (void)registered;
    if (message && !fd_msg_hdr(message, &head) && head->msg_code == DWX && !(head->msg_flags & CMD_FLAG_REQUEST)) sem_post(&heard);
}

static int wait_for_peer(void) {
    for (int i = 0; i < PEER_SECONDS * 100; i++) {
        struct peer_hdr *peer = NULL;
        if (!fd_peer_getbyid(peer_id, strlen(peer_id), 0, &peer) && peer && fd_peer_get_state(peer) == STATE_OPEN) return 1;
        usleep(10000);
    }
    return 0;
}

static void *ask_all(void *unused) {
    int watchdogs = 0;
    (void)unused;
    if (wait_for_peer()) {
        for (int i = 0; i < checks; i++) {
            sem_wait(&room);
            if (ask(i)) { other++; sem_post(&room); }
        }
        for (int i = 0; i < window; i++) sem_wait(&room);
        if (watchdog) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += WATCHDOG_SECONDS;
            watchdogs = sem_timedwait(&heard, &until) == 0;
        }
    }
    fprintf(stdout, "s13-asked: %d answered, %d white, %d grey, %d black, %d other, %d busy, %d watchdogs\n", answered, white, grey, black, other, busy, watchdogs);
    fflush(stdout);
    fd_core_shutdown();
    return NULL;
}

static int on_request(struct msg **message, struct avp *avp, struct session *session, void *data, enum disp_action *action) {
    (void)avp; (void)session; (void)data;
    CHECK_FCT(fd_msg_new_answer_from_req(fd_g_config->cnf_dict, message, 0));
    CHECK_FCT(fd_msg_rescode_set(*message, "DIAMETER_SUCCESS", NULL, NULL, 1));
    CHECK_FCT(add(*message, session_state, NULL, 1));
    CHECK_FCT(add(*message, status, NULL, 0));
    *action = DISP_ACT_SEND;
    return 0;
}

static int take_any(struct peer_info *info, int *authorized, int (**after)(struct peer_info *)) {
    (void)after;
    info->config.pic_flags.sec = PI_SEC_NONE;
    *authorized = 1;
    return 0;
}

static int entry(char *options) {
    struct dict_object *vendor, *application, *eca;
    struct dict_vendor_data vendor_data = { TGPP, "3GPP" };
    struct dict_application_data application_data = { S13, "3GPP S13/S13'" };
    struct dict_cmd_data request_data = { ECX, "ME-Identity-Check-Request", CMD_FLAG_REQUEST | CMD_FLAG_PROXIABLE | CMD_FLAG_ERROR, CMD_FLAG_REQUEST | CMD_FLAG_PROXIABLE };
    struct dict_cmd_data answer_data = { ECX, "ME-Identity-Check-Answer", CMD_FLAG_REQUEST | CMD_FLAG_PROXIABLE, CMD_FLAG_PROXIABLE };
    struct dictionary *dictionary = fd_g_config->cnf_dict;
    char mode[16] = "ask";
    pthread_t thread;

    CHECK_FCT(fd_dict_new(dictionary, DICT_VENDOR, &vendor_data, NULL, &vendor));
    CHECK_FCT(fd_dict_new(dictionary, DICT_APPLICATION, &application_data, vendor, &application));
    CHECK_FCT(fd_dict_new(dictionary, DICT_COMMAND, &request_data, application, &ecr));
    CHECK_FCT(fd_dict_new(dictionary, DICT_COMMAND, &answer_data, application, &eca));
    CHECK_FCT(avp_of(&terminal, 1401, "Terminal-Information", AVP_TYPE_GROUPED));
    CHECK_FCT(avp_of(&imei, 1402, "IMEI", AVP_TYPE_OCTETSTRING));
    CHECK_FCT(avp_of(&software, 1403, "Software-Version", AVP_TYPE_OCTETSTRING));
    CHECK_FCT(avp_of(&status, 1445, "Equipment-Status", AVP_TYPE_INTEGER32));
    CHECK_FCT(base_avp(&session_state, "Auth-Session-State"));
    CHECK_FCT(base_avp(&realm_avp, "Destination-Realm"));
    CHECK_FCT(base_avp(&user_name, "User-Name"));
    CHECK_FCT(base_avp(&result_code, "Result-Code"));
    CHECK_FCT(fd_disp_app_support(application, vendor, 1, 0));

    value_of(options, "mode=", mode, sizeof mode);
    if (!strcmp(mode, "answer")) {
        struct disp_when when = { .app = application, .command = ecr };
        CHECK_FCT(fd_peer_validate_register(take_any));
        return fd_disp_register(on_request, DISP_HOW_CC, &when, NULL, NULL);
    }

    if (!value_of(options, "peer=", peer_id, sizeof peer_id) || !value_of(options, "realm=", realm, sizeof realm)) return EINVAL;
    checks = number_of(options, "checks=", checks);
    window = number_of(options, "window=", window);
    watchdog = number_of(options, "watchdog=", 0);
    sem_init(&room, 0, window);
    sem_init(&heard, 0, 0);
    struct fd_hook_hdl *hook;
    CHECK_FCT(fd_hook_register(HOOK_MASK(HOOK_MESSAGE_RECEIVED), on_message, NULL, NULL, &hook));
    CHECK_POSIX(pthread_create(&thread, NULL, ask_all, NULL));
    return pthread_detach(thread);
}

EXTENSION_ENTRY("s13", entry);
