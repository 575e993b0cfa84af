"""The simulator against `elevenlabs`, ElevenLabs' SDK. `miniaudio` plays what comes back."""

import base64
import io
import urllib.request
import wave

import httpx
import miniaudio
from elevenlabs import ElevenLabs
from elevenlabs.core import ApiError
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import VoiceSettings

from simulator import equal, main, raised

# A connection that ends early is reset or closed, as the network has it.
HUNG_UP = (httpx.NetworkError, httpx.RemoteProtocolError)

SARAH = "EXAVITQu4vr4xnSDxMaL"
LIBRARY = "21m00Tcm4TlvDq8ikWAM"
TEXT = "Good morning, how can I help you?"
# A character sounds for 60 ms.
LENGTH = 0.06 * len(TEXT)


def client(simulator, key="plenty"):
    """A client for the test key `key`."""
    return ElevenLabs(
        api_key=simulator.keys["elevenlabs", key]["api_key"], base_url=f"{simulator.base}/elevenlabs", timeout=10
    )


def once():
    """No second try."""
    return {"max_retries": 0}


def speak(made, text=TEXT, voice=SARAH, **more):
    """The sound of a text."""
    return b"".join(made.text_to_speech.convert(voice, text=text, request_options=once(), **more))


def refused(call, status, name):
    """`call` must be refused in ElevenLabs' form."""
    error = raised(ApiError, call)
    detail = error.body["detail"]
    equal((error.status_code, detail.get("code") or detail["status"]), (status, name))
    return detail["message"]


def recording(seconds=1.0, pitch=1):
    """A WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes([pitch, 2]) * int(8000 * seconds))
    return file.getvalue()


def audible(sound, seconds):
    """Plays a file; it must be as long as it should and neither silent nor distorted."""
    played = miniaudio.decode(sound)
    assert abs(played.duration - seconds) < 0.1, (played.duration, seconds)
    loudest = max(abs(sample) for sample in played.samples)
    assert 1_000 < loudest < 32_000, loudest


def subscription(simulator):
    known = client(simulator).user.subscription.get()
    equal((known.tier, known.status, known.character_count, known.character_limit), ("creator", "active", 17_231, 100_000))
    equal((known.voice_slots_used, known.voice_limit, known.can_use_instant_voice_cloning), (3, 30, True))
    equal(client(simulator).user.get().subscription.tier, "creator")
    equal(client(simulator, "overage").user.subscription.get().max_credit_limit_extension, "unlimited")


def models(simulator):
    found = client(simulator).models.list()
    equal([model.model_id for model in found], ["eleven_flash_v2_5", "eleven_multilingual_v2"])
    equal([model.model_rates.character_cost_multiplier for model in found], [0.5, 1.0])


def voices(simulator):
    made = client(simulator)
    first = made.voices.search(page_size=4)
    second = made.voices.search(page_size=4, next_page_token=first.next_page_token)
    equal((len(first.voices), first.has_more, first.total_count), (4, True, 7))
    equal((len(second.voices), second.has_more, second.next_page_token), (3, False, None))
    equal(len({voice.voice_id for voice in first.voices + second.voices}), 7)
    equal([voice.name for voice in made.voices.search(search="BRITISH").voices], ["George"])
    names = [voice.name for voice in made.voices.search(sort="name", sort_direction="asc", voice_type="default").voices]
    equal(names, ["Charlie", "George", "Matilda", "Sarah"])
    equal({voice.category for voice in made.voices.search(category="cloned").voices}, {"cloned"})
    equal(len(made.voices.search(voice_ids=[SARAH, first.voices[0].voice_id]).voices), 2)
    equal(len(made.voices.get_all().voices), 7)
    sarah = made.voices.get(SARAH)
    equal((sarah.name, sarah.category, sarah.labels), ("Sarah", "premade", {"accent": "american"}))
    with urllib.request.urlopen(sarah.preview_url, timeout=10) as preview:
        audible(preview.read(), 0.3)
    refused(lambda: made.voices.get("nobody"), 404, "voice_not_found")
    raised(UnprocessableEntityError, lambda: made.voices.search(page_size=101))


def cloning(simulator):
    made = client(simulator)
    files = [("one.wav", recording()), ("two.wav", recording(pitch=3))]
    voice = made.voices.ivc.create(name="Reception", files=files, description="Kind", labels={"accent": "irish"})
    equal(voice.requires_verification, False)
    known = made.voices.get(voice.voice_id)
    equal((known.name, known.category, known.description, known.labels), ("Reception", "cloned", "Kind", {"accent": "irish"}))
    equal([(sample.file_name, sample.size_bytes) for sample in known.samples], [("one.wav", 16_044), ("two.wav", 16_044)])
    equal(made.voices.search(voice_type="personal").voices[0].voice_id, voice.voice_id)
    equal(made.user.subscription.get().voice_slots_used, 4)
    equal(made.voices.update(voice.voice_id, name="Front office").status, "ok")
    equal((made.voices.get(voice.voice_id).name, len(made.voices.get(voice.voice_id).samples)), ("Front office", 2))
    audible(speak(made, voice=voice.voice_id), LENGTH)
    other = client(simulator, "overage")
    refused(lambda: other.voices.get(voice.voice_id), 404, "voice_not_found")
    refused(lambda: speak(other, voice=voice.voice_id), 404, "voice_not_found")
    equal(made.voices.delete(voice.voice_id).status, "ok")
    refused(lambda: made.voices.get(voice.voice_id), 404, "voice_not_found")
    equal(made.user.subscription.get().voice_slots_used, 3)


def refused_clones(simulator):
    made = client(simulator)
    clone = lambda *files, made=made: made.voices.ivc.create(name="Reception", files=[("a.wav", file) for file in files])
    refused(lambda: clone(recording(), made=client(simulator, "free_plan")), 402, "paid_plan_required")
    refused(lambda: clone(b"no sound at all"), 400, "invalid_content")
    refused(lambda: clone(recording(700)), 400, "upload_file_size_exceeded")
    refused(lambda: clone(recording(), recording()), 400, "duplicate_files")
    raised(UnprocessableEntityError, clone)
    for number in range(27):
        clone(recording(0.1 + number / 100))
    message = refused(lambda: clone(recording()), 400, "voice_limit_reached")
    assert "(30 / 30)" in message, message


def speech(simulator):
    made = client(simulator)
    for name in ["mp3_22050_32", "mp3_24000_48", "mp3_44100_32", "mp3_44100_128", "mp3_44100_192", "wav_16000"]:
        audible(speak(made, output_format=name), LENGTH)
    for name, size in [("ulaw_8000", 8_000), ("alaw_8000", 8_000), ("pcm_16000", 32_000), ("pcm_24000", 48_000)]:
        sound = speak(made, output_format=name)
        equal((name, len(sound)), (name, round(LENGTH * size)))
    fast = speak(made, voice_settings=VoiceSettings(speed=1.2), output_format="ulaw_8000")
    equal(len(fast), round(LENGTH / 1.2 * 8_000))
    equal(speak(made), speak(made))
    assert speak(made) != speak(made, "Good evening, how can I help you!")


def streams(simulator):
    made = client(simulator)
    pieces = list(made.text_to_speech.stream(SARAH, text=TEXT * 10))
    assert len(pieces) > 1
    equal(b"".join(pieces), speak(made, TEXT * 10))
    timed = made.text_to_speech.convert_with_timestamps(SARAH, text=TEXT, output_format="ulaw_8000")
    equal(base64.b64decode(timed.audio_base_64), speak(made, output_format="ulaw_8000"))
    equal("".join(timed.alignment.characters), TEXT)
    equal(timed.alignment.character_end_times_seconds[-1], round(LENGTH, 3))
    lines = list(made.text_to_speech.stream_with_timestamps(SARAH, text=TEXT, output_format="ulaw_8000"))
    equal("".join(char for line in lines for char in line.alignment.characters), TEXT)
    equal(b"".join(base64.b64decode(line.audio_base_64) for line in lines), speak(made, output_format="ulaw_8000"))


def counted_down(simulator):
    made = client(simulator)
    with made.text_to_speech.with_raw_response.convert(SARAH, text=TEXT, model_id="eleven_multilingual_v2") as answer:
        equal(answer.headers["character-cost"], "33")
        assert answer.headers["request-id"]
    with made.text_to_speech.with_raw_response.convert(SARAH, text=TEXT, model_id="eleven_flash_v2_5") as answer:
        equal(answer.headers["character-cost"], "17")
    equal(made.user.subscription.get().character_count, 17_231 + 33 + 17)
    simulator.control("PUT", "/keys/elevenlabs/plenty", {"characters_left": 40})
    speak(made)
    message = refused(lambda: speak(made), 401, "quota_exceeded")
    equal(
        message,
        "This request exceeds your quota of 100000. You have 7 credits remaining, while 33 credits are required for this request.",
    )
    refused(lambda: speak(client(simulator, "exhausted")), 401, "quota_exceeded")
    audible(speak(client(simulator, "overage")), LENGTH)


def refusals(simulator):
    refused(client(simulator, "invalid").user.subscription.get, 401, "invalid_api_key")
    refused(client(simulator, "restricted").user.subscription.get, 401, "missing_permissions")
    refused(client(simulator, "nothing_readable").voices.get_all, 401, "missing_permissions")
    audible(speak(client(simulator, "nothing_readable")), LENGTH)
    refused(client(simulator, "suspended").models.list, 401, "detected_unusual_activity")
    refused(lambda: speak(client(simulator, "throttled")), 429, "too_many_concurrent_requests")
    refused(lambda: speak(client(simulator, "down")), 503, "system_busy")
    made = client(simulator)
    refused(lambda: speak(made, voice="nobody"), 404, "voice_not_found")
    refused(lambda: speak(made, model_id="eleven_0"), 400, "model_not_found")
    refused(lambda: speak(made, "a" * 10_001), 400, "max_character_limit_exceeded")
    refused(lambda: speak(made, voice_settings=VoiceSettings(stability=2)), 400, "invalid_voice_settings")
    refused(lambda: speak(made, output_format="pcm_44100"), 403, "only_for_pro+")
    raised(UnprocessableEntityError, lambda: speak(made, output_format="opus_48000_32"))
    free = client(simulator, "free_plan")
    refused(lambda: speak(free, voice=LIBRARY), 402, "paid_plan_required")
    refused(lambda: speak(free, output_format="mp3_44100_192"), 403, "only_for_creator+")
    audible(speak(made, voice=LIBRARY), LENGTH)


def retries(simulator):
    simulator.control("POST", "/faults", {"provider": "elevenlabs", "times": 2, "fault": {"kind": "status", "status": 500}})
    equal(client(simulator).user.subscription.get().tier, "creator")
    equal([line["status"] for line in simulator.control("GET", "/journal")["items"]], [500, 500, 200])


def broken_streams(simulator):
    made, heard = client(simulator), []
    simulator.fault("elevenlabs", kind="hang_up", after_bytes=10_000)
    raised(HUNG_UP, lambda: [heard.append(piece) for piece in made.text_to_speech.stream(SARAH, text=TEXT * 10)])
    assert sum(map(len, heard)) <= 10_000
    simulator.fault("elevenlabs", kind="hang_up")
    raised(HUNG_UP, lambda: speak(made))


main(
    "elevenlabs",
    [
        subscription,
        models,
        voices,
        cloning,
        refused_clones,
        speech,
        streams,
        counted_down,
        refusals,
        retries,
        broken_streams,
    ],
)
